package httpapi

import "toolbridge/api/internal/fault"

// meanings says of every code what has happened.
var meanings = map[fault.Code]string{
	fault.Unauthorized:          "There is no bearer token, or it is not valid.",
	fault.InvalidTenant:         "The tenant headers do not prove the tenant of this API.",
	fault.SessionRequired:       "The request names no session.",
	fault.SessionInvalid:        "The session is unknown, ended or expired.",
	fault.SessionForbidden:      "The session is another user's.",
	fault.SessionNotFound:       "There is no such session any more.",
	fault.EpochMismatch:         "The user's data was wiped since the epoch that the request names.",
	fault.InvalidUID:            "The uid in the path is not a UUID.",
	fault.InvalidJSON:           "The body is not the JSON that is expected.",
	fault.InvalidAction:         "The entity has no such action.",
	fault.InvalidIdempotencyKey: "Idempotency-Key is not one of 1 to 255 visible ASCII characters.",
	fault.IdempotencyKeyReused:  "Another request had this Idempotency-Key.",
	fault.InvalidIfMatch:        "If-Match is not one version number.",
	fault.InvalidCursor:         "The cursor is not one that this list gave out.",
	fault.InvalidLimit:          "A bound of the page is not one whole number from 1.",
	fault.InvalidFilter:         "A filter of the list is not one of those that the entity has.",
	fault.InvalidQuery:          "The query string cannot be read.",
	fault.InvalidField:          "A field of the payload is missing or wrong; details name it.",
	fault.ParentNotFound:        "The parent does not exist, or is deleted.",
	fault.UIDExists:             "There is an item with this uid already.",
	fault.NotFound:              "There is no such item.",
	fault.Deleted:               "The item is deleted.",
	fault.VersionMismatch:       "The item has another version than If-Match demands.",
	fault.RateLimited:           "The user asks too often; Retry-After says when to go on.",
	fault.BatchTooLarge:         "The batch has more items than one push may have.",
	fault.BodyTooLarge:          "The body, or the item it would make, is too large.",
	fault.RequestTimeout:        "The body did not arrive in time.",
	fault.RouteNotFound:         "There is no such path.",
	fault.MethodNotAllowed:      "The path has no such method; Allow names those it has.",
	fault.ConfirmationRequired:  "A wipe needs the word that confirms it.",
	fault.Internal:              "Something failed that should not have; the log says more under the correlation id.",
	fault.Unavailable:           "The API cannot do it for now; Retry-After says when to ask again.",
}
