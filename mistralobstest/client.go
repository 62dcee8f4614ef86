package mistralobstest

import (
	"testing"

	mistralobs "github.com/mistralobs/mistralobs-go"
)

// Client returns an SDK client with the server's URL and APIKey and with [Server.HTTPClient]. It
// applies opts after these. It fails the test if the client cannot be created. When the test ends,
// it closes the idle connections.
func (s *Server) Client(t testing.TB, opts ...mistralobs.Option) *mistralobs.Client {
	t.Helper()
	httpClient := s.HTTPClient()
	t.Cleanup(httpClient.CloseIdleConnections)
	defaults := []mistralobs.Option{
		mistralobs.WithBaseURL(s.URL),
		mistralobs.WithAPIKey(s.APIKey),
		mistralobs.WithHTTPClient(httpClient),
	}
	client, err := mistralobs.NewClient(append(defaults, opts...)...)
	if err != nil {
		t.Fatalf("mistralobstest: %v", err)
	}
	return client
}
