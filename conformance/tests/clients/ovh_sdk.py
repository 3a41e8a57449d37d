"""OVHcloud's own SDK against a simulator: BASE_URL APPLICATION_KEY APPLICATION_SECRET CONSUMER_KEY READ_ONLY_KEY DOMAIN ZONE."""

import base64
import struct
import sys
import time

import ovh
import ovh.client
import ovh.exceptions

base, key, secret, consumer, read_only, domain, zone = sys.argv[1:]
ovh.client.ENDPOINTS["simulator"] = f"{base}/1.0"


def client_of(application_secret, consumer_key):
    return ovh.Client(
        endpoint="simulator",
        application_key=key,
        application_secret=application_secret,
        consumer_key=consumer_key,
    )


def refusal_of(kind, call):
    try:
        call()
    except kind as error:
        return str(error)
    raise AssertionError("the call was not refused")


def follow(task):
    """Waits until a task is done, and returns the states it was seen in."""
    seen = [task["status"]]
    end = time.monotonic() + 60
    while seen[-1] in ("todo", "doing"):
        assert time.monotonic() < end, seen
        status = client.get(f"/domain/{domain}/task/{task['id']}")["status"]
        if status != seen[-1]:
            seen.append(status)
        time.sleep(0.02)
    assert seen[-1] == "done", seen
    return seen


def servers():
    ids = client.get(f"/domain/{domain}/nameServer")
    return [client.get(f"/domain/{domain}/nameServer/{number}") for number in ids]


client = client_of(secret, consumer)

# Reads; the clock of the simulator is an hour ahead, which the SDK finds out
assert abs(client.time_delta - 3600) < 60, client.time_delta
credential = client.get("/auth/currentCredential")
assert credential["status"] == "validated" and {"method": "PUT", "path": f"/domain/{domain}"} in credential["rules"]
before = client.get(f"/domain/{domain}")
assert before["nameServerType"] == "external" and before["state"] == "ok"
old = [server["host"] for server in servers()]

# A task: the new servers are announced while it runs, and are in use when it is done
new = ["ns1.example.net", "ns2.example.org"]
task = client.post(f"/domain/{domain}/nameServers/update", nameServers=[{"host": host} for host in new])
assert task["function"] == "DomainDnsUpdate" and task["status"] == "todo", task
flags = {server["host"]: (server["isUsed"], server["toDelete"]) for server in servers()}
assert flags == {**{host: (True, True) for host in old}, **{host: (False, False) for host in new}}, flags
refusal_of(
    ovh.exceptions.ResourceConflictError,
    lambda: client.post(f"/domain/{domain}/nameServers/update", nameServers=[{"host": host} for host in new]),
)
follow(task)
assert [(server["host"], server["isUsed"], server["toDelete"]) for server in servers()] == [
    (host, True, False) for host in new
]

# A key, with its tag after RFC 4034 appendix B
public = bytes(range(64))
rdata = struct.pack("!HBB", 257, 3, 13) + public
total = sum(byte if at & 1 else byte << 8 for at, byte in enumerate(rdata))
tag = (total + (total >> 16 & 0xFFFF)) & 0xFFFF
wanted = {"algorithm": 13, "flags": 257, "publicKey": base64.b64encode(public).decode(), "tag": tag}
follow(client.post(f"/domain/{domain}/dsRecord", keys=[wanted]))
ids = client.get(f"/domain/{domain}/dsRecord")
assert len(ids) == 1
shown = client.get(f"/domain/{domain}/dsRecord/{ids[0]}")
assert {field: shown[field] for field in wanted} == wanted and shown["status"] == "active"
refusal_of(
    ovh.exceptions.BadParametersError,
    lambda: client.post(f"/domain/{domain}/dsRecord", keys=[{**wanted, "tag": tag ^ 1}]),
)

# Records: stored, then served
made = client.post(f"/domain/zone/{zone}/record", fieldType="NS", subDomain="sub", target="ns1.example.net.", ttl=3600)
assert made["id"] in client.get(f"/domain/zone/{zone}/record", fieldType="NS", subDomain="sub")
assert client.get(f"/domain/zone/{zone}/status")["isDeployed"] is False
assert client.post(f"/domain/zone/{zone}/refresh") is None
assert client.get(f"/domain/zone/{zone}/status")["isDeployed"] is True
assert "ns1.example.net." in client.get(f"/domain/zone/{zone}/export")
assert client.put(f"/domain/zone/{zone}/record/{made['id']}", target="ns3.example.net.") is None
assert client.get(f"/domain/zone/{zone}/record/{made['id']}")["target"] == "ns3.example.net."
assert client.delete(f"/domain/zone/{zone}/record/{made['id']}") is None
refusal_of(ovh.exceptions.ResourceNotFoundError, lambda: client.get(f"/domain/zone/{zone}/record/{made['id']}"))
client.post(f"/domain/zone/{zone}/refresh")

# Errors
message = refusal_of(
    ovh.exceptions.BadParametersError,
    lambda: client.post(f"/domain/zone/{zone}/record", fieldType="DS", subDomain="sub", target="1 13 2 AB"),
)
assert "DS" in message, message
refusal_of(
    ovh.exceptions.NotGrantedCall,
    lambda: client_of(secret, read_only).post(f"/domain/zone/{zone}/refresh"),
)
message = refusal_of(
    ovh.exceptions.BadParametersError, lambda: client_of("x" * 32, consumer).get(f"/domain/{domain}")
)
assert "Invalid signature" in message, message
refusal_of(ovh.exceptions.NotCredential, lambda: client_of(secret, "x" * 32).get(f"/domain/{domain}"))

# Asking a user for a grant
asked = client_of(secret, consumer).request_consumerkey([{"method": "GET", "path": "/me"}])
assert asked["state"] == "pendingValidation" and asked["validationUrl"].startswith("https://")
refusal_of(ovh.exceptions.InvalidCredential, lambda: client_of(secret, asked["consumerKey"]).get("/me"))
print("done")
