"""The request link over real sockets: outcomes, late answers, pushes, garbage, restarts."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import msgspec
import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.bus import link
from shared.bus.link import LinkClient, LinkDown, LinkRefused, LinkServer, LinkTimeout


@pytest.fixture(params=["ipc", "tcp"])
def endpoint(request, tmp_path):
    if request.param == "ipc":
        return f"ipc://{tmp_path}/s"
    with zmq.Context() as context, context.socket(zmq.ROUTER) as probe:
        port = probe.bind_to_random_port("tcp://127.0.0.1")
    return f"tcp://127.0.0.1:{port}"


def echo(server, request):
    match request.method:
        case "echo":
            server.reply(request, request.payload)
        case "no":
            server.fail(request, "no_such_thing", "there is none")
        case "silent":
            pass
        case "huge":
            server.reply(request, b"x" * (link.ANSWER_BYTES_MAX + 1))
        case "push":
            for i in range(int(request.payload)):
                server.push(str(i).encode())
            server.reply(request, b"")


@contextmanager
def serving(endpoint, answer=echo):
    """A server in its own thread: it makes, uses and closes its sockets there."""
    stop, ready, held = threading.Event(), threading.Event(), []

    def run():
        server = LinkServer(endpoint)
        held.append(server)
        ready.set()
        while not stop.is_set():
            for request in server.poll(0.01):
                answer(server, request)
        server.close(linger_ms=0)

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(5)
    try:
        yield held[0]
    finally:
        stop.set()
        thread.join(5)
        assert not thread.is_alive()


@contextmanager
def client_of(endpoint, **options):
    client = LinkClient(endpoint, **options)
    try:
        yield client
    finally:
        client.close()


def until(condition, timeout_s=5.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


def test_answers_and_refusals(endpoint):
    with serving(endpoint), client_of(endpoint) as client:
        for i in range(50):
            assert client.request("echo", str(i).encode(), 5) == str(i).encode()
        with pytest.raises(LinkRefused) as refused:
            client.request("no", b"", 5)
        assert (refused.value.code, refused.value.text) == ("no_such_thing", "there is none")
        with pytest.raises(LinkRefused, match="answer_too_large"):
            client.request("huge", b"", 5)


def test_without_a_server_nothing_is_sent(endpoint):
    with client_of(endpoint) as client:
        with pytest.raises(LinkDown):
            client.request("echo", b"", 0.05)
        assert not client.tell("echo", b"")
        with serving(endpoint):
            assert client.request("echo", b"now", 5) == b"now"


def test_a_withdrawn_permit_means_nothing_was_sent(endpoint):
    seen = []
    with serving(endpoint, lambda s, r: (seen.append(r.method), echo(s, r))), client_of(endpoint) as client:
        with pytest.raises(LinkDown, match="lease is gone"):
            client.request("echo", b"", 5, permit=lambda: "lease is gone")
        client.request("echo", b"", 5, permit=lambda: "")
    assert seen == ["echo"]


def test_a_late_answer_is_dropped_and_never_taken_for_another(endpoint):
    waiting = []

    def slow_first(server, request):
        if request.payload == b"first":
            waiting.append(request)
            return
        for late in waiting:
            server.reply(late, b"late")
        server.reply(request, b"second")

    with serving(endpoint, slow_first), client_of(endpoint) as client:
        with pytest.raises(LinkTimeout):
            client.request("echo", b"first", 0.1)
        assert client.request("echo", b"second", 5) == b"second"
        assert client.counts["late"] == 1


def test_a_request_that_waited_past_its_deadline_is_not_acted_on(endpoint):
    hold, seen = threading.Event(), []

    def stuck(server, request):
        seen.append(request.payload)
        if request.payload == b"stuck":
            hold.wait(5)
        server.reply(request, b"")

    with serving(endpoint, stuck) as server, client_of(endpoint) as client:
        for payload in (b"stuck", b"too late"):
            with pytest.raises(LinkTimeout):
                client.request("act", payload, 0.1)
        hold.set()
        client.request("act", b"good", 5)
        assert seen == [b"stuck", b"good"]
        assert server.counts["expired"] == 1


def test_pushes_come_in_order_to_every_subscriber(endpoint):
    with serving(endpoint), client_of(endpoint, subscribe=True) as a, client_of(endpoint, subscribe=True) as b, client_of(endpoint) as c:
        for client in (a, b):
            client.request("echo", b"", 5)  # the subscription went before it on the same connection
        c.request("push", b"300", 5)
        for client in (a, b):
            got: list[bytes] = []
            until(lambda client=client, got=got: got.extend(client.pushes(0.2)) or len(got) >= 300)
            assert got == [str(i).encode() for i in range(300)]
        assert c.pushes(0.05) == []


def test_pushes_that_arrive_during_a_request_are_kept(endpoint):
    with serving(endpoint), client_of(endpoint, subscribe=True) as client:
        client.request("echo", b"", 5)
        client.request("push", b"3", 5)
        assert client.pushes(1) == [b"0", b"1", b"2"]


def test_a_subscription_survives_a_restarted_server(endpoint, monkeypatch):
    monkeypatch.setattr(link, "RENEW_S", 0.05)
    with client_of(endpoint, subscribe=True) as client, client_of(endpoint) as other:
        for _ in range(2):
            with serving(endpoint) as server:
                until(lambda server=server: client.pushes(0.02) is not None and server._subscribers)
                other.request("push", b"2", 5)
                got: list[bytes] = []
                until(lambda got=got: got.extend(client.pushes(0.05)) or len(got) >= 2)
                assert got == [b"0", b"1"]


def test_a_dead_subscriber_is_forgotten(endpoint, monkeypatch):
    with serving(endpoint) as server, client_of(endpoint) as asker:
        with client_of(endpoint, subscribe=True) as gone:
            gone.request("echo", b"", 5)
            until(lambda: server._subscribers)
        monkeypatch.setattr(link, "SUBSCRIBER_S_MAX", 0.0)
        asker.request("push", b"1", 5)
        assert not server._subscribers


def test_tell_wants_no_answer(endpoint):
    seen = []
    with serving(endpoint, lambda s, r: (seen.append((r.method, r.id)), echo(s, r))), client_of(endpoint) as client:
        client.request("echo", b"", 5)
        assert client.tell("echo", b"x")
        assert client.tell("no", b"x")
        client.request("echo", b"", 5)
        assert client.counts == {}
    assert seen[1:3] == [("echo", 0), ("no", 0)]


def test_a_second_server_on_an_endpoint_is_refused(endpoint):
    with serving(endpoint), pytest.raises(OSError):
        LinkServer(endpoint)
    with serving(endpoint), client_of(endpoint) as client:
        assert client.request("echo", b"after", 5) == b"after"


def test_an_ipc_path_that_is_too_long_is_refused():
    with pytest.raises(ValueError, match="at most 107"):
        LinkServer("ipc:///tmp/" + "x" * 120)


_header = st.one_of(
    st.binary(max_size=80),
    st.recursive(st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=90) | st.floats(), st.lists, max_leaves=8).map(
        msgspec.msgpack.encode
    ),
    st.tuples(st.integers(-2, 9), st.integers(-3, 3), st.text(max_size=80), st.integers(-5, 5), st.text(max_size=5)).map(msgspec.msgpack.encode),
    st.just(b"\x91" * 400),
    st.just(b"x" * 5_000),
)


def test_garbage_is_counted_refused_and_hurts_nobody(tmp_path):
    endpoint = f"ipc://{tmp_path}/s"
    with serving(endpoint) as server, client_of(endpoint) as good, zmq.Context() as context, context.socket(zmq.DEALER) as rogue:
        rogue.setsockopt(zmq.LINGER, 0)
        rogue.connect(endpoint)

        @settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
        @given(st.lists(st.one_of(_header, st.binary(max_size=200)), min_size=1, max_size=5))
        def throw(frames):
            rogue.send_multipart(frames)

        throw()
        assert good.request("echo", b"still here", 5) == b"still here"
        rogue.send_multipart([b"not a header", b""])
        until(lambda: _refusals(rogue) > 0)
        until(lambda: server.counts["malformed"] > 100)


def _refusals(rogue):
    count = 0
    while rogue.poll(10):
        frames = rogue.recv_multipart()
        count += msgspec.msgpack.decode(frames[0])[2] == "malformed"
    return count


def test_an_oversized_frame_cuts_its_sender_off_and_nobody_else(tmp_path):
    endpoint = f"ipc://{tmp_path}/s"
    with serving(endpoint), client_of(endpoint) as big, client_of(endpoint) as good:
        good.request("echo", b"", 5)
        with pytest.raises(LinkTimeout):
            big.request("echo", b"x" * (8 * 1024 * 1024), 0.3)
        assert good.request("echo", b"fine", 5) == b"fine"
        assert big.request("echo", b"small again", 5) == b"small again"


def test_garbage_from_a_server_is_counted_and_waited_past(tmp_path):
    endpoint = f"ipc://{tmp_path}/s"

    def rude(server, request):
        peer = request.peer
        for frames in ([b"junk"], [b"junk", b""], [msgspec.msgpack.encode([2, -4]), b""], [msgspec.msgpack.encode([99, 0]), b"", b""]):
            server._socket.send_multipart([peer, *frames])
        server.reply(request, b"answer")

    with serving(endpoint, rude), client_of(endpoint) as client:
        assert client.request("echo", b"", 5) == b"answer"
        assert client.counts["malformed"] == 4
