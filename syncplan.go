package mistralobs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/mistralobs/mistralobs-go/internal/jsonscan"
)

// SyncPlan is what would make a dataset equal to the records that are wanted. It
// prints as a short text, and marshals to JSON, whole, so that it can be
// reviewed and applied later by another process.
type SyncPlan struct {
	DatasetID string
	Key       string     // as in [SyncOptions]
	Create    []SyncItem // in the order of the input
	Update    []SyncItem // in the order of the dataset, as are the others
	Delete    []SyncItem
	Extra     []SyncItem // in the dataset but not wanted, and left alone since Delete was not set
	Keep      []SyncItem // equal already

	bodies *spill // what is to be written; nil when it is closed
}

// SyncItem is a record of a plan.
type SyncItem struct {
	Key               string           // the value of the key property; "" if there is none
	Index             int              // of the wanted record in the input, from 1; 0 if it is not wanted
	RecordID          string           // "" if it is not in the dataset
	UpdatedAt         time.Time        // of the record in the dataset
	ChangesPayload    bool             // the payload is written
	ChangesProperties bool             // the properties are written
	Differences       []SyncDifference // of an update, the first three of each of payload and properties

	content content // that is wanted
	body    body
	same    int // records with this content that were in the dataset already
}

// InSync tells whether there is nothing to do.
func (p *SyncPlan) InSync() bool { return p.Changes() == 0 }

// Changes returns how many records would be created, updated or deleted.
func (p *SyncPlan) Changes() int { return len(p.Create) + len(p.Update) + len(p.Delete) }

// Close removes what the plan holds in a temporary file, if it needed one; it
// cannot be applied afterwards. A plan that is not closed is cleaned up when it
// is garbage, but on Windows leaves the file behind.
func (p *SyncPlan) Close() error {
	if p.bodies == nil {
		return nil
	}
	err := p.bodies.close()
	p.bodies = nil
	return err
}

// place puts a record of the dataset into the plan.
func (p *SyncPlan) place(record *Record, now state, in *input, remove bool) error {
	item := SyncItem{Key: now.key.shown, RecordID: now.id, UpdatedAt: now.updated}
	w, isWanted := in.match(now)
	switch {
	case !isWanted && remove:
		p.Delete = append(p.Delete, item)
		return nil
	case !isWanted:
		p.Extra = append(p.Extra, item)
		return nil
	}
	w.found = true
	item.Index = w.index
	if w.content == now.content() {
		p.Keep = append(p.Keep, item)
		return nil
	}
	item.content, item.body = w.content, w.body
	item.ChangesPayload = w.content.payload != now.payload
	item.ChangesProperties = w.content.properties != now.properties
	if err := p.explain(&item, record); err != nil {
		return err
	}
	p.Update = append(p.Update, item)
	return nil
}

// explain finds the differences of an update.
func (p *SyncPlan) explain(item *SyncItem, record *Record) error {
	payload, properties, err := p.body(*item)
	if err != nil {
		return err
	}
	if item.ChangesPayload {
		item.Differences = differences("payload", record.Payload, payload)
	}
	if item.ChangesProperties {
		item.Differences = append(item.Differences, differences("properties", record.Properties, properties)...)
	}
	return nil
}

// body returns what an item writes.
func (p *SyncPlan) body(item SyncItem) (payload, properties Object, err error) {
	if payload, err = p.bodies.get(item.body.payload); err != nil {
		return nil, nil, err
	}
	if properties, err = p.bodies.get(item.body.properties); err != nil {
		return nil, nil, err
	}
	if len(properties) == 0 {
		properties = Object("{}")
	}
	return payload, properties, nil
}

// createMissing adds what is wanted and was not found.
func (p *SyncPlan) createMissing(in *input) {
	same := map[content]int{}
	for _, w := range in.records {
		if w.found {
			same[w.content]++
		}
	}
	for _, w := range in.records {
		if !w.found {
			p.Create = append(p.Create, SyncItem{
				Key: w.key.shown, Index: w.index, ChangesPayload: true, ChangesProperties: true,
				content: w.content, body: w.body, same: same[w.content],
			})
		}
	}
}

// maxPrinted is how many items of a kind are printed.
const maxPrinted = 20

// String returns the plan for people to read: a line with the counts and one
// for each change (+ create, ~ update, - delete), up to 20 of each.
func (p *SyncPlan) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "dataset %s: %d to create, %d to update, %d to delete, %d equal", p.DatasetID, len(p.Create), len(p.Update), len(p.Delete), len(p.Keep))
	if len(p.Extra) > 0 {
		fmt.Fprintf(&text, ", %d not wanted but left alone", len(p.Extra))
	}
	text.WriteByte('\n')
	for _, kind := range []struct {
		sign  string
		items []SyncItem
	}{{"+", p.Create}, {"~", p.Update}, {"-", p.Delete}} {
		for i, item := range kind.items {
			if i == maxPrinted {
				fmt.Fprintf(&text, "%s … and %d more\n", kind.sign, len(kind.items)-i)
				break
			}
			fmt.Fprintf(&text, "%s %s\n", kind.sign, item)
		}
	}
	return text.String()
}

// String names the item, and tells the differences of an update.
func (i SyncItem) String() string {
	name := i.Key
	if name == "" && i.RecordID == "" {
		name = fmt.Sprintf("record %d of the input", i.Index)
	} else if name == "" {
		name = "record " + i.RecordID
	}
	for _, difference := range i.Differences {
		name += "\n    " + difference.String()
	}
	return name
}

// planJSON and itemJSON are a plan as JSON.
type planJSON struct {
	DatasetID string     `json:"dataset_id"`
	Key       string     `json:"key,omitempty"`
	Create    []itemJSON `json:"create"`
	Update    []itemJSON `json:"update"`
	Delete    []itemJSON `json:"delete"`
	Extra     []itemJSON `json:"extra"`
	Keep      []itemJSON `json:"keep"`
}

type itemJSON struct {
	Key         string           `json:"key,omitempty"`
	Index       int              `json:"index,omitempty"`
	RecordID    string           `json:"record_id,omitempty"`
	UpdatedAt   time.Time        `json:"updated_at,omitzero"`
	Payload     json.RawMessage  `json:"payload,omitempty"`
	Properties  json.RawMessage  `json:"properties,omitempty"`
	Differences []SyncDifference `json:"differences,omitempty"`
	Same        int              `json:"same,omitempty"`
}

// MarshalJSON returns the whole plan, with what is to be written. It fails if the
// plan is closed. (encoding/json writes <, > and & in it as escapes, which mean the
// same, unless an Encoder is told not to.)
func (p *SyncPlan) MarshalJSON() ([]byte, error) {
	if p.bodies == nil {
		return nil, invalid("plan", "it is closed")
	}
	out := planJSON{DatasetID: p.DatasetID, Key: p.Key}
	for _, list := range p.lists(&out) {
		*list.json = []itemJSON{}
		for _, item := range *list.items {
			encoded, err := p.encode(item)
			if err != nil {
				return nil, err
			}
			*list.json = append(*list.json, encoded)
		}
	}
	return marshal(out)
}

type itemList struct {
	items *[]SyncItem
	json  *[]itemJSON
}

func (p *SyncPlan) lists(j *planJSON) []itemList {
	return []itemList{{&p.Create, &j.Create}, {&p.Update, &j.Update}, {&p.Delete, &j.Delete}, {&p.Extra, &j.Extra}, {&p.Keep, &j.Keep}}
}

func (p *SyncPlan) encode(item SyncItem) (itemJSON, error) {
	out := itemJSON{
		Key: item.Key, Index: item.Index, RecordID: item.RecordID, UpdatedAt: item.UpdatedAt,
		Differences: item.Differences, Same: item.same,
	}
	if !item.ChangesPayload && !item.ChangesProperties {
		return out, nil
	}
	payload, properties, err := p.body(item)
	if item.ChangesPayload {
		out.Payload = json.RawMessage(payload)
	}
	if item.ChangesProperties {
		out.Properties = json.RawMessage(properties)
	}
	return out, err
}

// UnmarshalJSON reads a plan that MarshalJSON has written. Close it as one that [RecordsService.Diff] returns.
func (p *SyncPlan) UnmarshalJSON(raw []byte) error {
	var in planJSON
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&in); err != nil {
		return err
	}
	plan := SyncPlan{DatasetID: in.DatasetID, Key: in.Key, bodies: &spill{}}
	for _, list := range plan.lists(&in) {
		for _, encoded := range *list.json {
			item, err := plan.decode(encoded)
			if err != nil {
				plan.bodies.close()
				return err
			}
			*list.items = append(*list.items, item)
		}
	}
	p.Close()
	*p = plan
	return nil
}

func (p *SyncPlan) decode(in itemJSON) (item SyncItem, err error) {
	item = SyncItem{
		Key: in.Key, Index: in.Index, RecordID: in.RecordID, UpdatedAt: in.UpdatedAt, Differences: in.Differences, same: in.Same,
		ChangesPayload: in.Payload != nil, ChangesProperties: in.Properties != nil,
	}
	if item.ChangesPayload {
		item.content.payload = jsonscan.DigestOf(in.Payload)
		if item.body.payload, err = p.bodies.add(in.Payload); err != nil {
			return item, err
		}
	}
	if item.ChangesProperties {
		item.content.properties = jsonscan.DigestOf(in.Properties)
		item.body.properties, err = p.bodies.add(in.Properties)
	}
	return item, err
}
