// Package entity declares the kinds of item the API serves, one table row each.
package entity

import (
	"slices"
	"strings"
)

// Kind is the stored and published name of an entity: "chat_message".
type Kind string

// Assignment is what an action writes into a payload: key to string or bool.
type Assignment map[string]any

// Parent says which payload keys name an item's parent, and which kinds it may
// have. TypeKey is empty when there is only one kind.
type Parent struct {
	UIDKey  string
	TypeKey string
	Kinds   []Kind
}

// KindNames are the kinds that a parent may have, as strings.
func (p *Parent) KindNames() []string {
	names := make([]string, len(p.Kinds))
	for i, kind := range p.Kinds {
		names[i] = string(kind)
	}
	return names
}

// Format is what the text of a payload key must be.
type Format string

// DateOrTime is a date or time of ISO 8601.
const DateOrTime Format = "date-or-time"

// Entity is one row of the table. Segment is its name in a URL: "chat_messages".
type Entity struct {
	Kind    Kind
	Segment string
	Archive Assignment
	Actions map[string]Assignment
	Parent  *Parent
	Formats map[string]Format // of payload keys; a key may also be null or missing
	Title   string            // payload key of the title; without one, the first line of the text is it
	Text    []string          // payload keys of the text: the first that is there is shown and edited
	Filters []Filter          // of lists, besides those that every entity has
	Due     string            // payload key of the date when an item is due; empty: there is none
	Closed  []string          // states in which nothing is left to do
}

// Filter is a filter of lists by the value of a payload key: a short text, or with Flag
// whether the value is true.
type Filter struct {
	Name string `json:"name"`
	Key  string `json:"key"`
	Flag bool   `json:"flag,omitempty"`
}

// Of is the row of a kind; nil for none.
func Of(kind Kind) *Entity {
	for _, e := range Table {
		if e.Kind == kind {
			return e
		}
	}
	return nil
}

// Word is the entity's name in a sentence: "chat message".
func (e *Entity) Word() string { return strings.ReplaceAll(string(e.Kind), "_", " ") }

// ActionNames are the names that `process` accepts, sorted.
func (e *Entity) ActionNames() []string {
	names := make([]string, 0, len(e.Actions))
	for name := range e.Actions {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// ClosedBy says what a filter by status says of items being closed: all of them are,
// none is, or nothing (nil). An item is closed in a state of Closed, and when it is
// archived.
func (e *Entity) ClosedBy(states, notStates []string) *bool {
	closes := func(state string) bool { return slices.Contains(e.Closed, state) }
	excluded := func(state string) bool { return slices.Contains(notStates, state) }
	archived, _ := e.Archive[keyStatus].(string)
	byStatus := closes(archived) // alone, since archiving writes one of its states
	yes, no := true, false
	switch {
	case len(states) > 0 && every(states, closes):
		return &yes
	case byStatus && len(states) > 0 && !slices.ContainsFunc(states, closes):
		return &no
	case byStatus && every(e.Closed, excluded):
		return &no
	}
	return nil
}

func every(states []string, is func(string) bool) bool {
	return !slices.ContainsFunc(states, func(state string) bool { return !is(state) })
}

const keyStatus = "status"

// States are the values that archive and the actions write to "status", sorted.
func (e *Entity) States() []string {
	var states []string
	collect := func(written Assignment) {
		if state, ok := written["status"].(string); ok {
			states = append(states, state)
		}
	}
	collect(e.Archive)
	for _, written := range e.Actions {
		collect(written)
	}
	slices.Sort(states)
	return slices.Compact(states)
}
