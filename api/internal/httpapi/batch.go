package httpapi

import (
	"encoding/json"
	"net/http"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
)

// batchBody is the answer to a batch.
type batchBody struct {
	BatchID string        `json:"batch_id,omitempty"`
	Results []batchResult `json:"results"`
}

// batchResult is what an operation did: to one item, or to those that matched.
type batchResult struct {
	Op   string      `json:"op"`
	Kind entity.Kind `json:"kind"`
	*batchItem
	*batchMatches
}

type batchItem struct {
	UID      string       `json:"uid"`
	Version  int64        `json:"version"`
	ChangeID string       `json:"change_id,omitempty"`
	Changed  bool         `json:"changed"`
	Change   journal.Name `json:"change,omitempty"`
	Fields   []string     `json:"fields,omitzero"`
}

type batchMatches struct {
	Matched int         `json:"matched"`
	Items   []batchItem `json:"items"`
}

// batch makes the operations of its body, all or none.
func (a *API) batch(c *call) (int, any, error) {
	if err := refuseCondition(c.Header, "send ifMatch with each operation"); err != nil {
		return 0, nil, err
	}
	body, err := readBody(c, a.MaxBodyBytes)
	if err != nil {
		return 0, nil, err
	}
	reader := &batchReader{ctx: c.Context(), api: a, owner: c.owner}
	dryRun, err := reader.readBatch(body)
	a.owe(c, len(reader.operations)-1)
	if err != nil {
		return 0, nil, err
	}
	w := write{target: item.Target{Owner: c.owner, Origin: c.origin(), Epoch: c.opened.State.Epoch, DryRun: dryRun || c.dryRun}, body: body}
	if err := w.readKey(c, a.Items.KeepAnswers); err != nil {
		return 0, nil, err
	}
	render := func(outcomes []item.Outcome) item.Answer {
		return renderBatch(reader.operations, outcomes, w.target.DryRun)
	}
	outcomes, err := a.Items.Batch(c.Context(), w.target, reader.operations, render)
	if err != nil {
		return 0, nil, err
	}
	a.owe(c, written(outcomes)-len(reader.operations))
	if once := w.target.Once; once != nil && once.Replayed != nil {
		return w.answer(c, nil, nil)
	}
	if first := firstLine(outcomes); first > 0 && !w.target.DryRun {
		c.reply.Set(headerChange, journal.BatchID(first))
	}
	answer := render(outcomes)
	return answer.Status, rawJSON(answer.Body), nil
}

// written counts the items that changed.
func written(outcomes []item.Outcome) (count int) {
	for _, outcome := range outcomes {
		for _, changed := range outcome.Items {
			if changed.Wrote {
				count++
			}
		}
	}
	return count
}

// firstLine is the line of the first item that changed; 0 for none.
func firstLine(outcomes []item.Outcome) int64 {
	for _, outcome := range outcomes {
		for _, changed := range outcome.Items {
			if changed.Wrote {
				return changed.Seq
			}
		}
	}
	return 0
}

// renderBatch is the answer to a batch. In a dry run nothing has an id.
func renderBatch(operations []item.Operation, outcomes []item.Outcome, dryRun bool) item.Answer {
	body := batchBody{Results: make([]batchResult, len(operations))}
	if first := firstLine(outcomes); first > 0 && !dryRun {
		body.BatchID = journal.BatchID(first)
	}
	for i, operation := range operations {
		items := make([]batchItem, len(outcomes[i].Items))
		for n, changed := range outcomes[i].Items {
			items[n] = batchItem{UID: changed.UID, Version: changed.Version, Changed: changed.Wrote, Change: changed.Change.Name, Fields: changed.Change.Fields}
			if changed.Wrote && !dryRun {
				items[n].ChangeID = journal.ChangeID(changed.Seq)
			}
		}
		body.Results[i] = batchResult{Op: operation.Name, Kind: operation.Entity.Kind}
		if operation.Where != nil {
			body.Results[i].batchMatches = &batchMatches{len(items), items}
		} else {
			body.Results[i].batchItem = &items[0]
		}
	}
	encoded, _ := json.Marshal(body) // texts and numbers can always be encoded
	return item.Answer{Status: http.StatusOK, Body: encoded}
}
