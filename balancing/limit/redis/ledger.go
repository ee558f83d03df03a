// Package redis keeps the common count of rate limits that several balancers share, in Redis: one script, run for each key in use every 50 to
// 100 ms, between requests and never on their path. It is the only importer of go-redis.
package redis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	client "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"headroom.dev/headroom"
	"headroom.dev/headroom/balancing/limit"
)

var (
	//go:embed ledger.lua
	ledgerScript string
	//go:embed presence.lua
	presenceScript string
)

const (
	// answerTime is how long Redis may take for an answer: longer, and a lease would be over.
	answerTime = 250 * time.Millisecond
	// perExchange bounds the keys of one pipeline, so that its answer keeps within answerTime: Redis runs some 100,000 small scripts a second.
	perExchange = 1000
	// presentFor is how long (s) a balancer counts as there after it was heard of.
	presentFor = 10
)

// ledger is one Redis.
type ledger struct {
	client   *client.Client
	prefix   string
	id       string // of this balancer
	script   *client.Script
	presence *client.Script
}

func open(settings headroom.Redis, id string) (*ledger, error) {
	options := &client.Options{
		Addr: settings.Address, Username: settings.Username, Password: settings.Password, DB: settings.Database,
		DialTimeout: answerTime, ReadTimeout: answerTime, WriteTimeout: answerTime, PoolTimeout: answerTime, ContextTimeoutEnabled: true,
		MaxRetries: -1, DialerRetries: 1, PoolSize: 2, DisableIdentity: true, ClientName: "headroom", Protocol: 2,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	client.SetLogger(&logging.VoidLogger{}) // whatever goes wrong is returned, too, and told once by the keeper
	if settings.TLS {
		host, _, _ := strings.Cut(settings.Address, ":")
		options.TLSConfig = &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
		if settings.CA != "" {
			pem, err := os.ReadFile(settings.CA)
			if err != nil {
				return nil, fmt.Errorf("redis.ca: %w", err)
			}
			options.TLSConfig.RootCAs = x509.NewCertPool()
			if !options.TLSConfig.RootCAs.AppendCertsFromPEM(pem) {
				return nil, &headroom.InvalidError{Field: "redis.ca", Value: settings.CA, Expected: "expected a PEM file with certificates"}
			}
		}
	}
	return &ledger{client: client.NewClient(options), prefix: settings.Prefix, id: id, script: client.NewScript(ledgerScript),
		presence: client.NewScript(presenceScript)}, nil
}

// exchange charges and leases. Answers are in the order of the claims; on an error there are none.
func (l *ledger) exchange(ctx context.Context, name string, rate limit.Rate, claims []limit.Claim) ([]limit.Answer, error) {
	interval := strconv.FormatFloat(float64(rate.Interval)/1000, 'f', 3, 64)
	for again := range 2 {
		pipe := l.client.Pipeline()
		for _, c := range claims {
			pipe.EvalSha(ctx, l.script.Hash(), []string{l.prefix + ":limit:" + name + ":" + hex.EncodeToString(c.ID[:])}, interval, rate.Burst, c.Charge, c.Want)
		}
		commands, err := pipe.Exec(ctx)
		if client.HasErrorPrefix(err, "NOSCRIPT") && again == 0 { // it began anew: nothing of this was done
			if err := l.script.Load(ctx, l.client).Err(); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		answers := make([]limit.Answer, len(commands))
		for i, command := range commands {
			pair, err := command.(*client.Cmd).Int64Slice()
			if err != nil || len(pair) != 2 {
				return nil, errors.Join(err, fmt.Errorf("an answer that was not expected: %v", command))
			}
			answers[i] = limit.Answer{Granted: pair[0], Ahead: time.Duration(pair[1]) * time.Microsecond}
		}
		return answers, nil
	}
	return nil, errors.New("the script is not kept")
}

// renew forgets connections, and what the client has learned from those that failed: it would not try again for a second.
func (l *ledger) renew() {
	options := l.client.Options()
	l.client.Close()
	l.client = client.NewClient(options)
}

// present says that we are there, and how many balancers are.
func (l *ledger) present(ctx context.Context) (int64, error) {
	return l.presence.Run(ctx, l.client, []string{l.prefix + ":balancers"}, l.id, presentFor).Int64()
}
