// Presents and cleans up one DNS-01 challenge with a provider of lego, against a simulated registrar.
//
// The first line of standard input is the task as JSON. After the challenge is presented the program writes "presented" and waits
// for another line; then it cleans up and writes "cleaned". lego itself is not changed: its requests go to the simulator by the
// provider's own setting, or by the transport of its HTTP client.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/go-acme/lego/v5/challenge"
	"github.com/go-acme/lego/v5/challenge/dns01"
	"github.com/go-acme/lego/v5/providers/dns/cloudflare"
	"github.com/go-acme/lego/v5/providers/dns/dynadot"
	"github.com/go-acme/lego/v5/providers/dns/godaddy"
	"github.com/go-acme/lego/v5/providers/dns/godaddyv3"
	"github.com/go-acme/lego/v5/providers/dns/namecheap"
	"github.com/go-acme/lego/v5/providers/dns/ovh"
)

type task struct {
	// The provider's name in lego.
	Provider string `json:"provider"`
	// Scheme, host and port of the simulator.
	BaseURL string `json:"base_url"`
	// By the names that pdm gives the fields.
	Credentials map[string]string `json:"credentials"`
	// host:port of a server that knows where the zone begins.
	Nameserver string `json:"nameserver"`
	Domain     string `json:"domain"`
}

// redirect sends every request to the simulator, whatever host it was meant for.
type redirect struct {
	to *url.URL
}

func (r redirect) RoundTrip(req *http.Request) (*http.Response, error) {
	clone := req.Clone(req.Context())
	clone.URL.Scheme = r.to.Scheme
	clone.URL.Host = r.to.Host

	return http.DefaultTransport.RoundTrip(clone)
}

func provider(t task) (challenge.Provider, error) {
	base, err := url.Parse(t.BaseURL)
	if err != nil {
		return nil, err
	}

	client := &http.Client{Timeout: 30 * time.Second, Transport: redirect{to: base}}
	key := t.Credentials

	switch t.Provider {
	case "cloudflare":
		config := cloudflare.NewDefaultConfig()
		config.AuthToken = key["api_token"]
		config.ZoneToken = key["api_token"]
		config.HTTPClient = client

		return cloudflare.NewDNSProviderConfig(config)
	case "dynadot":
		config := dynadot.NewDefaultConfig()
		config.APIKey = key["api_key"]
		config.APISecret = key["api_secret"]
		config.HTTPClient = client

		return dynadot.NewDNSProviderConfig(config)
	case "godaddy":
		config := godaddy.NewDefaultConfig()
		config.APIKey = key["api_key"]
		config.APISecret = key["api_secret"]
		config.HTTPClient = client

		return godaddy.NewDNSProviderConfig(config)
	case "godaddyv3":
		config := godaddyv3.NewDefaultConfig()
		config.PersonalAccessToken = key["access_token"]
		config.HTTPClient = client

		return godaddyv3.NewDNSProviderConfig(config)
	case "namecheap":
		config := namecheap.NewDefaultConfig()
		config.APIUser = key["api_user"]
		config.APIKey = key["api_key"]
		config.ClientIP = key["client_ip"]
		config.HTTPClient = client

		return namecheap.NewDNSProviderConfig(config)
	case "ovh":
		// The endpoint is part of what is signed, so that it has to be the one that is asked.
		config := ovh.NewDefaultConfig()
		config.APIEndpoint = t.BaseURL + "/1.0"
		config.ApplicationKey = key["application_key"]
		config.ApplicationSecret = key["application_secret"]
		config.ConsumerKey = key["consumer_key"]
		config.HTTPClient = client

		return ovh.NewDNSProviderConfig(config)
	default:
		return nil, fmt.Errorf("unknown provider %q", t.Provider)
	}
}

func run() error {
	input := bufio.NewScanner(os.Stdin)
	if !input.Scan() {
		return errors.New("no task on standard input")
	}

	var t task
	if err := json.Unmarshal(input.Bytes(), &t); err != nil {
		return err
	}

	dns01.SetDefaultClient(dns01.NewClient(&dns01.Options{RecursiveNameservers: []string{t.Nameserver}}))

	p, err := provider(t)
	if err != nil {
		return err
	}

	ctx := context.Background()
	if err := p.Present(ctx, t.Domain, "token", "token.thumbprint"); err != nil {
		return err
	}

	fmt.Printf("presented %s\n", dns01.GetChallengeInfo(ctx, t.Domain, "token.thumbprint").Value)

	if !input.Scan() {
		return errors.New("nobody asked for the clean-up")
	}

	if err := p.CleanUp(ctx, t.Domain, "token", "token.thumbprint"); err != nil {
		return err
	}

	fmt.Println("cleaned")

	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
