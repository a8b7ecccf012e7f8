//go:build linux

package cluster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netlook/kubectl-netlook/test/cluster/internal/underlay"
)

// downDeadline bounds the wait for processes to end and groups to become empty.
const downDeadline = 20 * time.Second

// Down removes the cluster and says so, or says what is left. Nothing to remove is
// no error.
func (c *Cluster) Down(ctx context.Context) error {
	if err := RequireRoot(); err != nil {
		return err
	}
	locked, err := c.lock(ctx)
	if err != nil {
		return err
	}
	defer locked.Close()
	if err := c.down(); err != nil {
		return err
	}
	c.say("down: no process, mount, namespace, link, control group or file is left")
	return nil
}

// down relies on the machine alone, not on the run state: processes are known by
// their control group, the rest by name. It takes no context, since half of it
// done is worse than a few seconds' wait.
func (c *Cluster) down() error {
	deadline := time.Now().Add(downDeadline)
	killed, err := c.groups.Kill("/", deadline)
	if err != nil {
		return err
	}
	if killed > 0 {
		c.say("ended %d processes", killed)
	}
	// Order: mounts of the nodes went with their processes; groups are empty now.
	failures := []error{underlay.Remove(), c.groups.Remove("/", deadline)}
	if err := c.unmount(); err != nil {
		failures = append(failures, err)
	} else { // else what is mounted there would be emptied
		failures = append(failures, c.Dir.Remove())
	}
	if err := errors.Join(failures...); err != nil {
		return err
	}
	return c.verify()
}

// unmount removes mounts below the state folder in the machine's own mount
// namespace: there are none, unless somebody made them by hand.
func (c *Cluster) unmount() error {
	points, err := mountsBelow(string(c.Dir))
	if err != nil {
		return err
	}
	for _, point := range slices.Backward(points) {
		if err := unix.Unmount(point, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("unmount %s: %w", point, err)
		}
	}
	return nil
}

func mountsBelow(folder string) ([]string, error) {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var points []string
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) > 4 && strings.HasPrefix(fields[4], folder+"/") {
			points = append(points, fields[4])
		}
	}
	return points, lines.Err()
}

// verify looks for everything a cluster consists of.
func (c *Cluster) verify() error {
	left, err := underlay.Left()
	if err != nil {
		return err
	}
	pids, err := c.groups.PIDs("/")
	if err != nil {
		return err
	}
	for _, pid := range pids {
		left = append(left, fmt.Sprintf("process %d", pid))
	}
	for _, group := range c.groups.Left() {
		left = append(left, "control group "+group)
	}
	points, err := mountsBelow(string(c.Dir))
	if err != nil {
		return err
	}
	for _, point := range points {
		left = append(left, "mount "+point)
	}
	if c.Dir.Left() {
		left = append(left, "folder "+string(c.Dir))
	}
	if len(left) > 0 {
		return fmt.Errorf("still there: %s; run testcluster down again", strings.Join(left, ", "))
	}
	return nil
}
