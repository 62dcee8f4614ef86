package mistralobstest

import (
	"encoding/json"
	"iter"
	"slices"
)

// RecordSeed is the content of a record before it is in a dataset, of an event of a campaign or of
// the explorer, or a conversation of the playground.
type RecordSeed struct {
	Payload    json.RawMessage // a JSON object
	Properties json.RawMessage // a JSON object, or nil for {}
}

func (c RecordSeed) mustBeValid() {
	for name, raw := range map[string]json.RawMessage{"Payload": c.Payload, "Properties": c.Properties} {
		if name == "Properties" && raw == nil {
			continue
		}
		if !json.Valid(raw) || raw[0] != '{' {
			panic("mistralobstest: a seeded " + name + " is not a JSON object: " + string(raw))
		}
	}
}

// SeedDataset adds a dataset with the records, and returns its ID. It panics if a payload or
// properties are not a JSON object.
func (s *Server) SeedDataset(name, description string, records ...RecordSeed) (datasetID string) {
	for _, c := range records {
		c.mustBeValid()
	}
	d, now, unlock := s.lock()
	defer unlock()
	ds := d.addDataset(name, description, now)
	for _, c := range records {
		d.addRecord(ds, c, sourceDirectInput, now)
	}
	return ds.id
}

// SeedRecords adds records to a dataset, one after the other. datasetID is an ID or a slug.
// SeedRecords panics if there is no such dataset, or if a payload or properties are not a JSON
// object.
func (s *Server) SeedRecords(datasetID string, records iter.Seq[RecordSeed]) {
	for c := range records {
		c.mustBeValid()
		d, now, unlock := s.lock()
		ds := d.findDataset(datasetID)
		if ds != nil {
			d.addRecord(ds, c, sourceDirectInput, now)
		}
		unlock()
		if ds == nil {
			panic("mistralobstest: there is no dataset " + datasetID)
		}
	}
}

// SeedCampaign adds a campaign with the records as its events, and returns its ID. The response to
// an import of a campaign without records is a 404 with CAMPAIGN_NO_MATCHING_EVENTS. SeedCampaign
// panics if a payload or properties are not a JSON object.
func (s *Server) SeedCampaign(records ...RecordSeed) (campaignID string) {
	for _, c := range records {
		c.mustBeValid()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := newID()
	s.data.campaigns[id] = slices.Clone(records)
	return id
}

// SeedCompletionEvent adds an event of the explorer, and returns its ID. It panics if the payload
// or properties are not a JSON object.
func (s *Server) SeedCompletionEvent(event RecordSeed) (eventID string) {
	return s.seed(event, func(d *store) map[string]RecordSeed { return d.events })
}

// SeedConversation adds a conversation of the playground, and returns its ID. It panics if the
// payload or properties are not a JSON object.
func (s *Server) SeedConversation(conversation RecordSeed) (conversationID string) {
	return s.seed(conversation, func(d *store) map[string]RecordSeed { return d.conversations })
}

func (s *Server) seed(c RecordSeed, where func(*store) map[string]RecordSeed) string {
	c.mustBeValid()
	s.mu.Lock()
	defer s.mu.Unlock()
	id := newID()
	where(&s.data)[id] = c
	return id
}
