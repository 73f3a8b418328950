package httpapi

import (
	"net/http"

	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
)

func (col collection) push(c *call) (int, any, error) {
	body, err := readBody(c, col.api.MaxBodyBytes)
	if err != nil {
		return 0, nil, err
	}
	answers, first, err := col.api.Items.Push(c.Context(), col.wholeTarget(c), body)
	if err != nil {
		return 0, nil, err
	}
	if first > 0 && !c.dryRun {
		c.reply.Set(headerChange, journal.BatchID(first))
	}
	return http.StatusOK, answers, nil
}

func (col collection) pull(c *call) (int, any, error) {
	query, err := col.readQuery(c, noFilter)
	if err != nil {
		return 0, nil, err
	}
	page, err := col.api.Items.Pull(c.Context(), query)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, changesJSON(page), nil
}

// changesJSON is a page with live items as payloads and tombstones as deletions.
func changesJSON(page item.Page) rawJSON {
	size := headSize
	for i := range page.Items {
		size += len(page.Items[i].Payload) + headSize
	}
	upserts := append(make([]byte, 0, size), `{"upserts":[`...)
	deletes := []byte(`],"deletes":[`)
	for i := range page.Items {
		if changed := &page.Items[i]; changed.Deleted() {
			deletes = changed.AppendDeletion(comma(deletes))
		} else {
			upserts = append(comma(upserts), changed.Payload...)
		}
	}
	b := append(append(upserts, deletes...), ']')
	return append(appendNext(b, page.Next), '}')
}

// comma appends a comma, except before the first element of an array.
func comma(b []byte) []byte {
	if last := b[len(b)-1]; last == '[' || last == '{' {
		return b
	}
	return append(b, ',')
}
