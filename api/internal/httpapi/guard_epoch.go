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
	tellEpoch(c, current)
	return fault.New(fault.EpochMismatch, "epoch_mismatch").WithTop(fault.Facts{"epoch": current})
}

func tellEpoch(c *call, epoch int64) {
	c.reply.Set(headerEpoch, strconv.FormatInt(epoch, 10))
}
