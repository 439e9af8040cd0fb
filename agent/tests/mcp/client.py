"""Speaks with the agent's MCP server as the official client does: every tool, every resource, every prompt.

    client.py http ADDRESS | stdio PROGRAM DATA

Prints one JSON object: the protocol's version, the tools' names, and by tool what was asked and answered, with bytes and
milliseconds. Exits 1 where something breaks the protocol, is longer than it may be, or fails that must not.
"""

import asyncio
import json
import re
import sys
import time

from mcp import Client, StdioServerParameters

MOST_BYTES = 16 << 10
USUAL_BYTES = 4 << 10
# Studies that a build may lack: then the answer is a mistake that names those that there are.
OPTIONAL = {"find_related": "correlate", "compare": "compare"}
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")


async def main():
    if sys.argv[1] == "http":
        target = f"http://{sys.argv[2]}/mcp"
    else:
        target = StdioServerParameters(command=sys.argv[2], args=["mcp", "--data", sys.argv[3]])
    told = {}
    for mode in ["auto", "legacy"]:
        async with Client(target, mode=mode) as client:
            told[mode] = await everything(client)
    assert told["auto"]["tools"] == told["legacy"]["tools"]
    assert told["auto"]["protocol"] == "2026-07-28", told["auto"]["protocol"]
    assert told["legacy"]["protocol"] == "2025-11-25", told["legacy"]["protocol"]
    print(json.dumps(told["auto"], indent=1))


async def everything(client):
    tools = (await client.list_tools()).tools
    for tool in tools:
        assert tool.description and tool.title and tool.annotations.read_only_hint, tool
        assert tool.input_schema["additionalProperties"] is False, tool
        json.loads(tool.description.rsplit("Example: ", 1)[1])
    calls = await call_tools(client, [tool.name for tool in tools])
    resources = {}
    for resource in (await client.list_resources()).resources:
        read = await client.read_resource(resource.uri)
        resources[resource.uri] = len(read.contents[0].text)
        assert 100 < len(read.contents[0].text) < 20 << 10, resource.uri
    assert {"fgm://catalogue", "fgm://guide", "fgm://studies"} <= set(resources)
    prompts = {}
    for prompt in (await client.list_prompts()).prompts:
        got = await client.get_prompt(prompt.name, {"container": "web", "range": "6h"})
        text = got.messages[0].content.text
        assert '"web"' in text and '"6h"' in text, text
        prompts[prompt.name] = len(text)
    assert len(prompts) == 3
    return {
        "protocol": client.protocol_version,
        "tools": [tool.name for tool in tools],
        "tools_bytes": len(json.dumps([tool.model_dump(exclude_none=True, mode="json") for tool in tools])),
        "resources": resources,
        "prompts": prompts,
        "calls": calls,
    }


async def call_tools(client, names):
    calls = {}

    async def call(name, arguments, wrong=False):
        began = time.monotonic()
        result = await client.call_tool(name, arguments)
        ms = round((time.monotonic() - began) * 1000, 1)
        text = result.content[0].text
        size = len(text.encode())
        assert size <= (MOST_BYTES if "limit" in arguments else USUAL_BYTES), (name, size)
        key = name + (f" {json.dumps(arguments)}" if name in calls else "")
        calls[key] = {"arguments": arguments, "bytes": size, "ms": ms, "text": text}
        if name in OPTIONAL and result.is_error and f'there is no study "{OPTIONAL[name]}"' in text:
            return None
        assert result.is_error == wrong, (name, arguments, text)
        return text if wrong else json.loads(text)

    nodes = await call("list_nodes", {})
    assert nodes["nodes"] and nodes["interval_seconds"]
    hour = {"to": nodes["recorded"]["to"], "range": "1h"}
    listed = await call("list_containers", hour)
    container = listed["containers"][0]
    of_one = {"container": container["container"], **hour}
    check_view(listed)
    metrics = await call("list_metrics", {"search": "throttled"})
    assert all(entry["unit"] and entry["help"] for entry in metrics["metrics"])
    summary = await call("summarize_container", of_one)
    assert summary["used"] and all(entry["unit"] for entry in summary["used"])
    check_view(summary)
    for arguments in [of_one, {**of_one, "metric": ["memory_*"]}, {**of_one, "study": ["trend", "oom"], "limit": 100}]:
        check_findings(await call("analyze_container", arguments))
    check_findings(await call("find_changes", hour))
    check_findings(await call("find_changes", {**hour, "container": [container["container"]], "limit": 50}))
    check_findings(await call("find_related", {**of_one, "metric": ["cpu_usage_cores"]}))
    check_findings(await call("compare", {**of_one, "range": "10m"}))
    top = await call("top", {"metric": "memory_working_set_bytes", "range": "all"})
    assert top["unit"] == "bytes" and top["entries"], top
    check_view(top)
    events = await call("list_events", {"range": "all"})
    check_view(events)
    of_container = {"container": container["container"], "range": "all"}
    assert all(event["container"] == container["container"] for event in (await call("list_events", of_container))["events"])
    assert set(names) == {key.split(" ")[0] for key in calls}, names
    await mistakes(call, container["container"])
    many = [call("top", {"metric": "cpu_usage_cores", **hour, "limit": n + 1}) for n in range(4)]
    await asyncio.gather(*many)
    return calls


async def mistakes(call, container):
    for name, arguments, part in [
        ("top", {}, "the parameter metric is missing; it is a name"),
        ("top", {"metric": "memory_curent_bytes"}, "memory_current_bytes"),
        ("top", {"metric": "cpu_usage_cores", "limit": "many"}, "it is a number from 1 to 100"),
        ("top", {"metric": "cpu_usage_cores", "range": "1y"}, "it is a duration like 15m"),
        ("top", {"metric": "cpu_usage_cores", "by": 3}, "it is one of mean, max, last"),
        ("analyze_container", {"container": container, "study": ["trnd"]}, "the nearest is trend"),
        ("analyze_container", {"container": container, "from": "yesterday"}, "it is a time like 2026-11-23T04:00:00Z"),
        ("analyze_container", {"container": container, "metrics": ["a"]}, "perhaps metric"),
        ("summarize_container", {"container": "nothing"}, "list_containers"),
        ("list_events", {"kind": ["oom"]}, "oom_kill"),
    ]:
        text = await call(name, arguments, wrong=True)
        assert part in text, (name, arguments, text)


def check_view(answer):
    assert TIME.match(answer["from"]) and TIME.match(answer["to"]), answer
    assert "/#from=" in answer["link"], answer["link"]


def check_findings(answer):
    if answer is None:
        return
    check_view(answer)
    order = ["critical", "warning", "notice", "info"]
    ranks = [order.index(finding["severity"]) for finding in answer.get("findings", [])]
    assert ranks == sorted(ranks), ranks
    for finding in answer.get("findings", []):
        assert finding["sentence"] and finding["kind"] and TIME.match(finding["from"]), finding
    assert "findings" in answer or answer["notes"], answer


asyncio.run(main())
