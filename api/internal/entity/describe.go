package entity

// MaxLimit is the largest page of a list.
const MaxLimit = 1000

// Description is what the API publishes about an entity, so that a client can
// compare its own declaration with it.
type Description struct {
	MaxLimit int                   `json:"maxLimit"`
	Push     bool                  `json:"push"`
	Pull     bool                  `json:"pull"`
	Kind     Kind                  `json:"kind"`
	Archive  Assignment            `json:"archive"`
	Actions  map[string]Assignment `json:"actions"`
	States   []string              `json:"states,omitempty"`
	Parent   *ParentDescription    `json:"parent,omitempty"`
	Formats  map[string]Format     `json:"formats,omitempty"`
	Title    string                `json:"title,omitempty"`
	Text     []string              `json:"text,omitempty"`
	Filters  []Filter              `json:"filters,omitempty"`
	Due      string                `json:"due,omitempty"`
	Closed   []string              `json:"closed,omitempty"`
}

// ParentDescription names the payload keys that name a parent.
type ParentDescription struct {
	UID   string `json:"uid"`
	Type  string `json:"type,omitempty"`
	Kinds []Kind `json:"kinds"`
}

// Describe returns the description of every entity by URL segment.
func Describe() map[string]Description {
	described := make(map[string]Description, len(Table))
	for _, e := range Table {
		described[e.Segment] = e.describe()
	}
	return described
}

func (e *Entity) describe() Description {
	d := Description{
		MaxLimit: MaxLimit,
		Push:     true,
		Pull:     true,
		Kind:     e.Kind,
		Archive:  e.Archive,
		Actions:  e.Actions,
		States:   e.States(),
		Formats:  e.Formats,
		Title:    e.Title,
		Text:     e.Text,
		Filters:  e.Filters,
		Due:      e.Due,
		Closed:   e.Closed,
	}
	if e.Parent != nil {
		d.Parent = &ParentDescription{UID: e.Parent.UIDKey, Type: e.Parent.TypeKey, Kinds: e.Parent.Kinds}
	}
	return d
}
