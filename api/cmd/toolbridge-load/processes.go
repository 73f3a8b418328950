package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// clockTick is the unit of the times in /proc/PID/stat: USER_HZ is 100 on every
// platform that Go and Linux share.
const clockTick = 0.01

// used returns the processor time of the watched processes so far, each with
// its descendants that run.
func (p plan) used() map[string]float64 {
	used := map[string]float64{}
	for name, pid := range p.Watch {
		used[name] = secondsOf(pid)
	}
	return used
}

func secondsOf(pid int) float64 {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	seconds := secondsIn(stat)
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, file := range files {
		children, _ := os.ReadFile(file)
		for _, child := range bytes.Fields(children) {
			if number, err := strconv.Atoi(string(child)); err == nil {
				seconds += secondsOf(number)
			}
		}
	}
	return seconds
}

// secondsIn is user and system time in the text of /proc/PID/stat. The name of
// the program in it may contain spaces and parentheses.
func secondsIn(stat []byte) float64 {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(string(fields[11]))
	system, _ := strconv.Atoi(string(fields[12]))
	return float64(user+system) * clockTick
}

// ownTime is the processor time of this process so far.
func ownTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
