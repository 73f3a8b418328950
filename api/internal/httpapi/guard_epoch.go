package httpapi

import (
	"strconv"

	"toolbridge/api/internal/fault"
)

const headerEpoch = "X-Sync-Epoch"

var epochHeader = header{headerEpoch, "The user's epoch, with a fresh session or a refusal.", "integer"}

var epochGuard = guard{
	check: checkEpoch,
	parameters: []parameter{{
		in: "header", name: headerEpoch,
		description: "The epoch the client knows of. Needed with a session that was opened before.",
		schema:      object{"type": "integer", "format": "int64", "minimum": 1},
	}},
	codes: []fault.Code{fault.EpochMismatch},
}

// checkEpoch refuses a client that has not noticed a wipe. A request that opened its
// own session knows no older epoch, so it need not name one.
func checkEpoch(c *call) error {
	current := c.opened.State.Epoch
	sent, present := c.Header[headerEpoch]
	if c.inBand && !present {
		return nil
	}
	if len(sent) == 1 {
		known, err := strconv.ParseInt(sent[0], 10, 64)
		if err == nil && known >= current {
			return nil
		}
	}
	return fault.WrongEpoch(current)
}

// setRefusedEpoch puts the epoch of a refusal into its header. It also removes a
// session that was opened in-band when a wipe has ended it since.
func (c *call) setRefusedEpoch(refusal *fault.Error) {
	epoch, _ := refusal.Top["epoch"].(int64)
	if epoch != c.opened.State.Epoch {
		c.unsetSession()
	}
	setEpoch(c, epoch)
}

func setEpoch(c *call, epoch int64) {
	c.reply.Set(headerEpoch, strconv.FormatInt(epoch, 10))
}
