package mistralobstest

import (
	"encoding/json"
	"fmt"

	mistralobs "github.com/mistralobs/mistralobs-go"
)

// Demo has the IDs of the data that [Server.SeedDemo] has added.
type Demo struct {
	DatasetID          string   `json:"dataset_id"`
	CampaignID         string   `json:"campaign_id"`
	CompletionEventIDs []string `json:"completion_event_ids"`
	ConversationIDs    []string `json:"conversation_ids"`
	JudgeID            string   `json:"judge_id"`
	TraceIDs           []string `json:"trace_ids"` // oldest first
}

// SeedDemo adds demo data: a dataset named "Support tickets" with twelve records, and a campaign,
// completion events and playground conversations to import. The properties of each record are "id",
// "category" and "expected_output".
//
// SeedDemo also adds a judge that grades how well an answer matches the property "expected_output",
// from 0 to 1, and the telemetry of a small chat service over the last day, by the server's clock.
// Each trace has a span of the request, of a tool and of the chat model. Evaluations named
// "helpfulness" and "tone" score the chat spans from 0 to 1; a third of them have a helpfulness
// below 0.5.
func (s *Server) SeedDemo() Demo {
	tickets := demoTickets()
	demo := Demo{
		DatasetID:  s.SeedDataset("Support tickets", "Questions of customers, with the expected answers", tickets...),
		CampaignID: s.SeedCampaign(tickets[:3]...),
	}
	for _, ticket := range tickets[:3] {
		demo.CompletionEventIDs = append(demo.CompletionEventIDs, s.SeedCompletionEvent(ticket))
		demo.ConversationIDs = append(demo.ConversationIDs, s.SeedConversation(ticket))
	}
	demo.JudgeID = s.SeedJudge(mistralobs.JudgeDefinition{
		Name: "Matches expectation", Description: "Compares an answer with the expected one",
		ModelName: "mistral-medium-latest", Instructions: "How well does the answer match {{expected_output}}?",
		Output: mistralobs.RegressionOutput(mistralobs.RegressionScale{
			Max: 1, MinDescription: "it contradicts it", MaxDescription: "it says the same",
		}),
	})
	demo.TraceIDs = s.seedDemoSpans()
	return demo
}

type demoQuestion struct{ question, answer, category string }

func demoQuestions() []demoQuestion {
	return []demoQuestion{
		{"Where is my parcel?", "It left our warehouse this morning.", "shipping"},
		{"Can I return a used item?", "Yes, within 30 days.", "refunds"},
		{"Wie lange dauert der Versand?", "Zwei bis drei Werktage.", "shipping"},
		{"My card was charged twice.", "We have returned the second charge.", "billing"},
		{"How do I reset my password?", "Use the link below the login form.", "account"},
		{"Livrez-vous en Suisse ?", "Oui, en cinq jours ouvrés.", "shipping"},
		{"The box arrived damaged.", "We are sorry. A replacement is on its way.", "refunds"},
		{"Do you take gift cards?", "Yes, at the last step of the checkout.", "billing"},
		{"Can I change my address?", "Yes, until the order is packed.", "shipping"},
		{"Please delete my account.", "Done. You will get a confirmation by mail.", "account"},
		{"Is the invoice available as PDF?", "Yes, in your order history.", "billing"},
		{"When do I get my money back?", "Within five working days.", "refunds"},
	}
}

func demoTickets() []RecordSeed {
	var tickets []RecordSeed
	for i, t := range demoQuestions() {
		tickets = append(tickets, demoTicket(fmt.Sprintf("ticket-%02d", i+1), t.question, t.answer, t.category))
	}
	return tickets
}

func demoTicket(id, question, answer, category string) RecordSeed {
	payload, _ := json.Marshal(mistralobs.NewConversation(mistralobs.User(question), mistralobs.Assistant(answer)))
	properties, _ := json.Marshal(map[string]string{"id": id, "category": category, "expected_output": answer})
	return RecordSeed{Payload: payload, Properties: properties}
}
