package limit

// Users is the number of users remembered.
func (b *Buckets) Users() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.users)
}
