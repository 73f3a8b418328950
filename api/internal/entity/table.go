package entity

// Table is every entity that the API serves. Another entity is another row: routes,
// rules, stores and descriptions loop over the table.
var Table = []*Entity{
	{
		Kind:    "note",
		Segment: "notes",
		Archive: Assignment{"status": "archived"},
		Actions: map[string]Assignment{
			"pin":       {"pinned": true},
			"unpin":     {"pinned": false},
			"archive":   {"status": "archived"},
			"unarchive": {"status": "active"},
		},
		Title:   "title",
		Text:    []string{"content"},
		Filters: []Filter{{Name: "pinned", Key: "pinned", Flag: true}},
		Closed:  []string{"archived"},
	},
	{
		Kind:    "task",
		Segment: "tasks",
		Archive: Assignment{"status": "archived"},
		Actions: map[string]Assignment{
			"start":    {"status": "in_progress"},
			"complete": {"status": "completed"},
			"reopen":   {"status": "open"},
		},
		Formats: map[string]Format{"dueDate": DateOrTime},
		Title:   "title",
		Text:    []string{"description"},
		Filters: []Filter{{Name: "priority", Key: "priority"}},
		Due:     "dueDate",
		Closed:  []string{"archived", "completed", "done"},
	},
	{
		Kind:    "comment",
		Segment: "comments",
		Archive: Assignment{"status": "archived"},
		Actions: map[string]Assignment{
			"resolve": {"status": "resolved"},
			"reopen":  {"status": "open"},
		},
		Parent: &Parent{UIDKey: "parentUid", TypeKey: "parentType", Kinds: []Kind{"note", "task"}},
		Text:   []string{"content"},
		Closed: []string{"archived", "resolved"},
	},
	{
		Kind:    "chat",
		Segment: "chats",
		Archive: Assignment{"archived": true},
		Actions: map[string]Assignment{
			"resolve": {"status": "resolved"},
			"reopen":  {"status": "active"},
		},
		Title:  "title",
		Text:   []string{"description"},
		Closed: []string{"resolved"},
	},
	{
		Kind:    "chat_message",
		Segment: "chat_messages",
		Archive: Assignment{"archived": true},
		Actions: map[string]Assignment{
			"mark_read":      {"read": true},
			"mark_delivered": {"delivered": true},
		},
		Parent:  &Parent{UIDKey: "chatUid", Kinds: []Kind{"chat"}},
		Text:    []string{"content"},
		Filters: []Filter{{Name: "read", Key: "read", Flag: true}},
	},
}
