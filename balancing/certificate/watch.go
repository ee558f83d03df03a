package certificate

import "time"

// lookEvery is how often files are looked at. Looking is one stat(2) of a file, 2 µs, works on network file systems and sees links that
// are swapped anywhere on the way, all of which notifications of the kernel do not.
const lookEvery = 2 * time.Second

// watch looks after the files of the table in force.
func (k *Keeper) watch() {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	warned := map[string]time.Time{}
	for {
		select {
		case <-k.stop:
			return
		case now := <-ticker.C:
			k.look(now)
			k.warn(now, warned)
		}
	}
}

// look reads the files again that changed. It holds no lock while it does: a network file system may let it wait.
func (k *Keeper) look(now time.Time) {
	for _, files := range k.inForce() {
		if files.refresh(now, k.options.Logger) {
			k.generation.Add(1)
		}
	}
}

func (k *Keeper) inForce() []refresher {
	k.mu.Lock()
	defer k.mu.Unlock()
	files := make([]refresher, 0, len(k.current.pairs)+len(k.current.pools))
	for _, p := range k.current.pairs {
		files = append(files, p)
	}
	for _, p := range k.current.pools {
		files = append(files, p)
	}
	return files
}
