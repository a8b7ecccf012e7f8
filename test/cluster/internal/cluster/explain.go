//go:build linux

package cluster

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// blamed is an error about which a daemon's log knows more.
type blamed struct {
	error
	member, daemon string
}

func (b blamed) Unwrap() error { return b.error }

// blame points an error at a daemon's log.
func blame(member, daemon string, err error) error {
	return blamed{error: err, member: member, daemon: daemon}
}

// explain tells what is known of a failed start, before down removes it: the end
// of the log that matters, and a place where all logs are kept until the next
// failure.
func (c *Cluster) explain(err error) {
	if _, failed := os.Stat(c.Dir.Path("logs")); failed != nil {
		return // it did not come that far
	}
	kept := filepath.Join(c.CacheDir, "failed-logs")
	if failed := keepLogs(c.Dir.Path("logs"), kept); failed != nil {
		c.say("the logs could not be kept: %v", failed)
	} else {
		c.say("all logs are kept in %s", kept)
	}
	var found blamed
	if !errors.As(err, &found) {
		return
	}
	c.say("the end of the log of %s of %s:", found.daemon, found.member)
	for _, line := range lastLines(c.Dir.Log(found.member, found.daemon)) {
		c.say("  %s", line)
	}
}

func keepLogs(from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return os.CopyFS(to, os.DirFS(from))
}

// lastLines gives the end of a log; a stack trace fits.
func lastLines(file string) []string {
	const lines, most = 15, 16 << 10
	log, err := os.Open(file)
	if err != nil {
		return []string{err.Error()}
	}
	defer log.Close()
	if info, err := log.Stat(); err == nil && info.Size() > most {
		if _, err := log.Seek(-most, io.SeekEnd); err != nil {
			return []string{err.Error()}
		}
	}
	content, err := io.ReadAll(log)
	if err != nil {
		return []string{err.Error()}
	}
	all := strings.Split(strings.TrimSpace(string(content)), "\n")
	return all[max(0, len(all)-lines):]
}
