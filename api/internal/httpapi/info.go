package httpapi

import (
	"net/http"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/item"
)

const apiVersion = "1.1"

// features are what clients of older APIs cannot count on.
var features = []string{"lists", "summary", "total", "shortIds", "overview", "batch", "dryRun", "changeIds", "search", "changes", "history", "restore", "undo", "journal", "edit", "tags", "items", "minimal", "mirrors", "undoLast", "usage", "operatorJournal", "changesOfClient"}

type infoBody struct {
	APIVersion       string                        `json:"apiVersion"`
	Features         []string                      `json:"features"`
	ServerTime       string                        `json:"serverTime"`
	Entities         map[string]entity.Description `json:"entities"`
	Locking          lockingInfo                   `json:"locking"`
	MinClientVersion string                        `json:"minClientVersion"`
	RateLimit        *rateLimitsInfo               `json:"rateLimit,omitempty"`
	Hints            hintsInfo                     `json:"hints"`
	Sessions         sessionsInfo                  `json:"sessions"`
	Idempotency      idempotencyInfo               `json:"idempotency"`
	Deadlines        bool                          `json:"deadlines"` // whether X-Request-Timeout-Ms has an effect
	Batch            batchInfo                     `json:"batch"`
	Limits           limitsInfo                    `json:"limits"`
	Journal          journalInfo                   `json:"journal"`
	Login            bool                          `json:"login,omitempty"`    // users sign in here, by the routes of /v1/login
	ReadOnly         bool                          `json:"readOnly,omitempty"` // every write is refused, whoever sends it
	Signatures       signaturesInfo                `json:"signatures"`
}

// signaturesInfo says how a gateway must sign: in one of the versions, in version 2 for the
// process, with one of the keys.
type signaturesInfo struct {
	Versions []string `json:"versions"`
	Process  string   `json:"process"`
	Keys     []string `json:"keys"`
}

// journalInfo says that changes, histories, restorations and undos are there, and for how
// many days what they need is kept.
type journalInfo struct {
	HistoryDays int64 `json:"historyDays"` // of contents
	AuditDays   int64 `json:"auditDays"`   // of lines
}

type lockingInfo struct {
	Supported bool   `json:"supported"`
	Mode      string `json:"mode"`
}

type hintsInfo struct {
	RecommendedBatch int `json:"recommendedBatch"`
	BackoffMsOn429   int `json:"backoffMsOn429"`
}

type sessionsInfo struct {
	LifetimeSeconds int    `json:"lifetimeSeconds"`
	InBand          string `json:"inBand,omitempty"` // the word to send as X-Sync-Session
}

type idempotencyInfo struct {
	Header      string `json:"header"`
	KeepSeconds int64  `json:"keepSeconds"`
}

// batchInfo says what POST /v1/batch takes.
type batchInfo struct {
	MaxOperations int      `json:"maxOperations"`
	MaxItems      int      `json:"maxItems"`
	Operations    []string `json:"operations"`
}

func newBatchInfo() batchInfo {
	info := batchInfo{MaxOperations: item.MaxOperations, MaxItems: item.MaxBatchItems}
	for _, row := range operationRows {
		info.Operations = append(info.Operations, row.name)
	}
	return info
}

type limitsInfo struct {
	MaxBodyBytes   int64 `json:"maxBodyBytes"`
	MaxPushItems   int   `json:"maxPushItems"`
	MaxStringBytes int   `json:"maxStringBytes"`
	MaxKeyBytes    int   `json:"maxKeyBytes"`
	MaxUserItems   int64 `json:"maxUserItems,omitempty"`
	MaxUserBytes   int64 `json:"maxUserBytes,omitempty"`
}

// info publishes what this API offers, so that a client can adapt or refuse. It
// needs no credentials.
func (a *API) info(*call) (int, any, error) {
	body := infoBody{
		APIVersion:       apiVersion,
		Features:         features,
		ServerTime:       item.MillisOf(a.Now()).String(),
		Entities:         entity.Describe(),
		Locking:          lockingInfo{Supported: true, Mode: "session"},
		MinClientVersion: "0.1.0",
		RateLimit:        a.Limits.info(),
		Hints:            hintsInfo{RecommendedBatch: min(500, a.Items.MaxPushItems), BackoffMsOn429: 1500},
		Sessions:         sessionsInfo{LifetimeSeconds: int(account.SessionLifetime.Seconds())},
		Idempotency:      idempotencyInfo{Header: headerIdempotency, KeepSeconds: int64(a.Items.KeepAnswers.Seconds())},
		Deadlines:        true,
		Batch:            newBatchInfo(),
		Login:            a.Login != nil,
		ReadOnly:         a.ReadOnly,
		Limits: limitsInfo{
			MaxBodyBytes: a.MaxBodyBytes, MaxPushItems: a.Items.MaxPushItems,
			MaxStringBytes: a.Items.MaxString, MaxKeyBytes: min(a.Items.MaxString, item.MaxKeyBytes),
			MaxUserItems: a.Items.Quota.Items, MaxUserBytes: a.Items.Quota.Bytes,
		},
	}
	body.Signatures = signaturesInfo{a.Tenant.Versions, a.Tenant.Process(), a.Tenant.KeyIDs()}
	body.Journal = journalInfo{a.HistoryDays, a.AuditDays}
	if a.InBandSessions {
		body.Sessions.InBand = inBandWord
	}
	return http.StatusOK, body, nil
}
