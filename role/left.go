package role

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"headroom.dev/headroom"
	"headroom.dev/headroom/control"
	"headroom.dev/headroom/link"
	"headroom.dev/headroom/platform/process"
	"headroom.dev/headroom/store/bolt"
)

// StopLeft stops the replicas that a headroom left running when it ended, and returns how many there were. It refuses
// while another headroom has them.
func StopLeft(ctx context.Context, stateDir string, log *slog.Logger) (int, error) {
	if _, err := os.Stat(stateDir); errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	lock, err := link.Claim(stateDir, scalerName)
	if err != nil {
		return 0, err
	}
	defer lock.Close()
	prober := newProber()
	defer prober.close()
	platform, err := process.New(process.Options{Dir: filepath.Join(stateDir, "replicas"), Logger: log, Probe: prober.probe})
	if err != nil {
		return 0, err
	}
	defer platform.Close()
	left, err := living(ctx, platform)
	if err != nil || left == 0 {
		return left, err
	}
	if err := platform.StopAll(ctx); err != nil {
		return left, fmt.Errorf("stop the replicas: %w", err)
	}
	if err := noteStopped(filepath.Join(stateDir, stateFile), platform, log); err != nil {
		// The next start finds out by itself, a little later.
		log.Warn("cannot note that the replicas were stopped", "error", err)
	}
	return left, nil
}

// living counts the replicas of all services that have not ended.
func living(ctx context.Context, platform *process.Platform) (int, error) {
	living := 0
	for _, service := range platform.Services() {
		inventory, err := platform.Inventory(ctx, service)
		if err != nil {
			return 0, err
		}
		for _, replica := range inventory.Replicas {
			if replica.State != headroom.ReplicaExited {
				living++
			}
		}
	}
	return living, nil
}

func noteStopped(file string, platform *process.Platform, log *slog.Logger) error {
	store, err := bolt.Open(file, bolt.Options{Logger: log})
	if err != nil {
		return err
	}
	controller, err := control.New(control.Options{Store: store, Platform: platform, Logger: log})
	if err == nil {
		err = controller.AllStopped()
	}
	return errors.Join(err, store.Close())
}
