package main

import (
	"context"
	"errors"
	"flag"
	"net"
	"net/http"
	"time"

	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func emulator(t *tool, flags *flag.FlagSet) func(context.Context) error {
	addr := flags.String("addr", "127.0.0.1:8787", "`address` to listen on; port 0 is any free port")
	key := flags.String("api-key", mistralobstest.DefaultAPIKey, "API `key` to accept")
	latency := flags.Duration("latency", 0, "wait this long before each operation")
	rateLimit := flags.Float64("rate-limit", 0, "accept this `number` of requests per second; 0 means no limit")
	taskDuration := flags.Duration("task-duration", 2*time.Second, "how long an import takes")
	t.check = func() error {
		if *latency < 0 || *rateLimit < 0 || *taskDuration < 0 {
			return usagef("-latency, -rate-limit and -task-duration must not be negative")
		}
		return nil
	}
	return func(ctx context.Context) error {
		server := mistralobstest.NewUnstartedServer(
			mistralobstest.WithAPIKey(*key),
			mistralobstest.WithLatency(*latency),
			mistralobstest.WithRateLimit(*rateLimit, max(1, int(*rateLimit))),
			mistralobstest.WithTaskDuration(*taskDuration),
			mistralobstest.WithRequestLog(0), // a log would grow as long as the program runs
		)
		defer server.Close()
		listener, err := net.Listen("tcp", *addr)
		if err != nil {
			return err
		}
		defer listener.Close()
		err = t.printJSON(struct {
			URL    string `json:"url"`
			APIKey string `json:"api_key"`
			mistralobstest.Demo
		}{"http://" + reachable(listener.Addr().String()), *key, server.SeedDemo()})
		if err != nil {
			return err
		}
		return serve(ctx, &http.Server{Handler: server.Handler(), ReadHeaderTimeout: time.Minute}, listener)
	}
}

// reachable replaces an address that means all interfaces with the loopback address.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr
}

// serve runs until the context ends. Then it gives open requests five seconds to finish.
func serve(ctx context.Context, server *http.Server, listener net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return server.Close()
}
