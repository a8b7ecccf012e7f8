package checks

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// witnessTimeout is the deadline of one reading: all of them ask the kernel only.
const witnessTimeout = 5 * time.Second

// WitnessTasks is a plan for a node's probe that reads what its kernel saw: counters,
// the fate of the flows given, the ports of bridges and the neighbours. It is for use
// beside another probe's packets: once before, without flows, and once after, with
// those of the attempts (check.Attempt.Local tells their source); facts.Moved then
// tells which counters moved; within is how long ago the first of them was made. The
// tasks know nothing of the API, so they read and judge
// next to nothing.
func WitnessTasks(flows []Flow, within time.Duration) []check.Task {
	tasks := []check.Task{
		witnessTask("node.counters", "counters", nodeParams{}),
		witnessTask("node.bridge", "bridge ports", nodeParams{}),
		witnessTask("node.neightable", "neighbour table", nodeParams{}),
	}
	for begin := 0; begin < len(flows); begin += maxFlows {
		part := flows[begin:min(len(flows), begin+maxFlows)]
		task := witnessTask("node.flows", "flows", flowsParams{Flows: part, Within: check.Duration(within), Tunnels: begin == 0})
		if begin > 0 {
			task.ID += fmt.Sprintf(" from %d", begin)
		}
		tasks = append(tasks, task)
	}
	return tasks
}

func witnessTask(id, title string, params any) check.Task {
	raw, err := json.Marshal(params)
	if err != nil {
		// Parameters are plain structs of ours, as in check.Define.
		panic(fmt.Sprintf("check %s: parameters of %T cannot be marshalled: %v", id, params, err))
	}
	return check.Task{
		ID: id + " witness", Check: id, Label: check.Label{Area: "node", Title: title},
		Attempts: 1, Timeout: check.Duration(witnessTimeout), Params: raw,
	}
}
