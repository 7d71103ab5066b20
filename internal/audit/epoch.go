package audit

import (
	"context"
	"fmt"
	"maps"

	"tocsin"
	"tocsin/internal/audit/proof"
	"tocsin/internal/store"
)

// An Opened is a log that was taken up again.
type Opened struct {
	Org tocsin.ID
	// Epoch is the new one, Size how many entries the last one's checkpoint had.
	Epoch, Size int64
}

// OpenEpoch records, in every log that a restored backup set back behind what
// this node saw signed, that this is so: an entry with the last checkpoint known
// here, after which signing goes on under the next epoch. A log that is as it
// should be is left alone. door says where the operator sat.
//
// Logs that the backup does not have at all are forgotten by this node; the
// installation's log, set back like them, records the break.
func OpenEpoch(ctx context.Context, s store.Store, state *State, door string) ([]Opened, error) {
	logs, err := s.Logs(ctx)
	if err != nil {
		return nil, err
	}
	var opened []Opened
	gone := maps.Clone(state.kept)
	for _, log := range logs {
		org := log.Tree.Org
		delete(gone, org)
		kept, ok := state.Kept(org)
		if !ok {
			continue
		}
		_, no, err := judge(ctx, s, log, kept)
		if err != nil {
			return opened, err
		}
		if no == nil || !no.restored {
			continue
		}
		epoch, err := openOne(ctx, s, org, kept, door)
		if err != nil {
			return opened, fmt.Errorf("open an epoch of the log of %s: %w", org, err)
		}
		if epoch > 0 {
			opened = append(opened, Opened{Org: org, Epoch: epoch, Size: kept.Size})
		}
	}
	if len(gone) == 0 {
		return opened, nil
	}
	return opened, state.forget(gone)
}

// openOne returns the new epoch, 0 when it was opened before.
func openOne(ctx context.Context, s store.Store, org tocsin.ID, kept proof.Checkpoint, door string) (int64, error) {
	holder, err := holderOf(ctx, s, org)
	if err != nil {
		return 0, err
	}
	key := store.Key{Kind: holder.object.Kind(), ID: org}
	var epoch int64
	_, err = s.Commit(ctx, store.Command{Actor: tocsin.System(org, door), Keys: []store.Key{key}, Decide: func(v store.View) (store.Change, error) {
		o, err := store.Object[tocsin.Object](v, key.Kind, key.ID)
		if err != nil {
			return store.Change{}, err
		}
		now := holderFrom(o)
		if epoch = 0; now.epoch > kept.Epoch {
			return store.Change{}, nil
		}
		epoch = kept.Epoch + 1
		return store.Change{Action: ActionEpoch, Objects: []tocsin.Object{now.with(epoch, string(kept.Text))}}, nil
	}})
	return epoch, err
}
