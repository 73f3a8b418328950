package httpapi

import (
	"strconv"

	"toolbridge/api/internal/fault"
)

const headerEpoch = "X-Sync-Epoch"

// epoch refuses a client that has not noticed a wipe. A request that opened its
// own session knows nothing older, so it need not say an epoch.
func (a *API) epoch(c *call) error {
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

// tellWipe puts the epoch of a refusal into its header, and takes back a session
// that was opened in-band when a wipe has ended it since.
func (c *call) tellWipe(refusal *fault.Error) {
	epoch, _ := refusal.Top["epoch"].(int64)
	if epoch != c.opened.State.Epoch {
		c.sessionEnded()
	}
	tellEpoch(c, epoch)
}

func tellEpoch(c *call, epoch int64) {
	c.reply.Set(headerEpoch, strconv.FormatInt(epoch, 10))
}
