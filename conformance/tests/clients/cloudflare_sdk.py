"""Cloudflare's own SDK against a simulator: BASE_URL TOKEN READ_ONLY_TOKEN ZONE."""

import sys

import cloudflare
from cloudflare import Cloudflare

base, token, read_only, name = sys.argv[1:]


def client_of(secret):
    return Cloudflare(api_token=secret, base_url=f"{base}/client/v4", max_retries=0)


def refusal_of(kind, call):
    """The first code of the error that a call ends with."""
    try:
        call()
    except kind as error:
        return error.errors[0].code, error.errors[0].message
    raise AssertionError("the call was not refused")


client = client_of(token)
owner = f"sub.{name}"

# Reads
assert client.user.tokens.verify().status == "active"
zones = list(client.zones.list(name=name))
assert [zone.name for zone in zones] == [name], zones
zone = zones[0]
assert zone.status == "active" and zone.name_servers and zone.account.id
before = {record.id for record in client.dns.records.list(zone_id=zone.id)}
assert before

# A batch: NS and then DS, and what the SDK makes of the answer
made = client.dns.records.batch(
    zone_id=zone.id,
    posts=[
        {"type": "NS", "name": owner, "content": "NS1.example.net.", "ttl": 3600},
        {"type": "NS", "name": owner, "content": "ns2.example.org", "ttl": 3600},
        {
            "type": "DS",
            "name": owner,
            "ttl": 3600,
            "data": {"key_tag": 2371, "algorithm": 13, "digest_type": 2, "digest": "ab" * 32},
        },
    ],
)
assert [record.type for record in made.posts] == ["NS", "NS", "DS"]
shown = list(client.dns.records.list(zone_id=zone.id, name={"exact": owner}))
assert sorted(record.content for record in shown if record.type == "NS") == ["ns1.example.net", "ns2.example.org"]
ds = [record for record in shown if record.type == "DS"]
assert len(ds) == 1 and ds[0].content == "2371 13 2 " + "AB" * 32 and ds[0].data.key_tag == 2371

# Single calls
ns = next(record for record in shown if record.content == "ns1.example.net")
changed = client.dns.records.edit(ns.id, zone_id=zone.id, type="NS", name=owner, ttl=7200, content="ns1.example.net")
assert changed.ttl == 7200 and client.dns.records.get(ns.id, zone_id=zone.id).ttl == 7200

# Errors
code, _ = refusal_of(
    cloudflare.BadRequestError,
    lambda: client.dns.records.create(zone_id=zone.id, type="A", name=owner, content="192.0.2.1", ttl=300),
)
assert code == 81056, code
code, _ = refusal_of(
    cloudflare.BadRequestError,
    lambda: client.dns.records.create(zone_id=zone.id, type="NS", name=owner, content="ns1.example.net", ttl=3600),
)
assert code == 81058, code
code, message = refusal_of(
    cloudflare.PermissionDeniedError,
    lambda: client_of(read_only).dns.records.delete(ns.id, zone_id=zone.id),
)
assert (code, message) == (10000, "Authentication error")
code, _ = refusal_of(cloudflare.NotFoundError, lambda: client.dns.records.delete("0" * 32, zone_id=zone.id))
assert code == 81044, code

# A batch that fails changes nothing
code, _ = refusal_of(
    cloudflare.BadRequestError,
    lambda: client.dns.records.batch(
        zone_id=zone.id,
        deletes=[{"id": ds[0].id}],
        posts=[{"type": "TXT", "name": owner, "content": "x", "ttl": 300}],
    ),
)
assert code == 81056, code
assert client.dns.records.get(ds[0].id, zone_id=zone.id).id == ds[0].id

# Away again, DS first
client.dns.records.batch(zone_id=zone.id, deletes=[{"id": ds[0].id}] + [{"id": one.id} for one in shown if one.type == "NS"])
assert {record.id for record in client.dns.records.list(zone_id=zone.id)} == before
print("done")
