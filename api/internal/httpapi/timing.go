package httpapi

import (
	"strconv"
	"time"
)

const headerTiming = "Server-Timing"

var timingHeader = header{headerTiming, "How many milliseconds the request took until its response began (`total`), and how many of them in the store (`store`).", "string"}

// setTiming says how long the call took so far. Who has not proven a tenant learns nothing
// from it.
func (c *call) setTiming(began time.Time) {
	if c.owner.User == "" {
		return
	}
	text := make([]byte, 0, 48)
	text = appendMilliseconds(append(text, "store;dur="...), c.noted.Store())
	text = appendMilliseconds(append(text, ", total;dur="...), time.Since(began))
	c.reply.Set(headerTiming, string(text))
}

func appendMilliseconds(text []byte, d time.Duration) []byte {
	return strconv.AppendFloat(text, milliseconds(d), 'f', 3, 64)
}
