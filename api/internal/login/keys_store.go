package login

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Names of secrets of the store.
const (
	secretSeal    = "seal"    // for the gateway's client ids; not sealed itself
	secretRefresh = "refresh" // refresh tokens follow from one another by it
	secretMark    = "mark"    // another one after each change of keys and revocations
)

const (
	sqlReadSecret = `SELECT value FROM login_secret WHERE tenant = ? AND name = ?`
	sqlSetSecret  = `INSERT INTO login_secret (tenant, name, value) VALUES (?, ?, ?)
		ON CONFLICT (tenant, name) DO UPDATE SET value = excluded.value`
	sqlFirstSecret = `INSERT INTO login_secret (tenant, name, value) VALUES (?, ?, ?) ON CONFLICT (tenant, name) DO NOTHING`

	sqlReadKeys = `SELECT id, jwk, sealed, made_ms, signs_ms, retired_ms, expires_ms FROM login_key WHERE tenant = ? ORDER BY made_ms, id`
	sqlAddKey   = `INSERT INTO login_key (tenant, id, jwk, sealed, made_ms, signs_ms, retired_ms, expires_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	sqlEndKey   = `UPDATE login_key SET retired_ms = ?, expires_ms = ? WHERE tenant = ? AND id = ?`
	sqlSealKey  = `UPDATE login_key SET sealed = ? WHERE tenant = ? AND id = ?`
	sqlDropKey  = `DELETE FROM login_key WHERE tenant = ? AND id = ?`

	// What every process looks at each second.
	sqlLook = `SELECT COALESCE((SELECT value FROM login_secret WHERE tenant = ? AND name = ?), ?),
		(SELECT COUNT(*) FROM login_account WHERE tenant = ?)`
)

// touch notes that keys or revocations have changed, so that every process reads them again.
// As it changes a row, it also lets one transaction after the other do so.
func (s *Service) touch(tx Tx) error {
	_, err := tx.Exec(sqlSetSecret, s.Tenant, secretMark, random(8))
	return err
}

// readSecret is nil when there is none.
func (s *Service) readSecret(tx Tx, name string) (value []byte, err error) {
	err = tx.QueryRow(sqlReadSecret, s.Tenant, name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return value, err
}

// readPairs reads all pairs, the oldest first. Those that are known need not be opened anew;
// one that none of the tenant's keys opens has no private key.
func (s *Service) readPairs(tx Tx, sealing seals, known []*pair) (pairs []*pair, err error) {
	err = tx.Query(func(row Row) error {
		var p pair
		var public string
		if err := row.Scan(&p.id, &public, &p.sealed, &p.made, &p.signs, &p.retired, &p.expires); err != nil {
			return err
		}
		if err := p.prepare(public, sealing, known); err != nil {
			return err
		}
		pairs = append(pairs, &p)
		return nil
	}, sqlReadKeys, s.Tenant)
	return pairs, err
}

// prepare makes a pair that was read ready for use.
func (p *pair) prepare(public string, sealing seals, known []*pair) (err error) {
	if err := json.Unmarshal([]byte(public), &p.public); err != nil {
		return fmt.Errorf("the public key of %s: %w", p.id, err)
	}
	if p.verifies, err = p.public.key(); err != nil {
		return fmt.Errorf("the public key of %s: %w", p.id, err)
	}
	err = p.unseal(sealing)
	before := slices.IndexFunc(known, func(one *pair) bool { return one.id == p.id })
	if errors.Is(err, errSealed) && before >= 0 {
		// Sealed by a process that has other keys of the tenant: this one has opened it earlier.
		p.private = known[before].private
	}
	if errors.Is(err, errSealed) {
		return nil
	}
	return err
}

func (s *Service) addPair(tx Tx, p *pair) error {
	public, err := json.Marshal(p.public)
	if err != nil {
		return err
	}
	_, err = tx.Exec(sqlAddKey, s.Tenant, p.id, string(public), p.sealed, p.made, p.signs, p.retired, p.expires)
	return err
}
