"""Does through the real kubernetes-mcp-server what an assistant does, with the rights that `fgmctl cluster mcp setup` gives.

    mcp_call.py KUBECONFIG NAMESPACE IMAGE

IMAGE is one that the nodes have, with a shell and `sleep`. A pod is run in NAMESPACE, read, entered and deleted. Prints one
JSON object: the server's tools and what each call answered, shortened. Exits 1 where a call fails. Needs npx, and the
package `mcp` from PyPI.
"""

import asyncio
import json
import sys
import time
import uuid

from mcp import Client, StdioServerParameters

SERVER = "kubernetes-mcp-server@0.0.67"
NEEDED = {
    "namespaces_list", "events_list", "pods_list", "pods_list_in_namespace", "pods_get", "pods_log", "pods_run", "pods_exec",
    "pods_delete", "resources_list", "resources_get", "resources_create_or_update", "resources_delete",
}  # fmt: skip
PATIENCE_SECONDS = 60


async def main(kubeconfig, namespace, image):
    server = StdioServerParameters(command="npx", args=["-y", SERVER, "--kubeconfig", kubeconfig])
    async with Client(server) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert NEEDED <= tools, f"missing: {sorted(NEEDED - tools)}"
        calls = Calls(client)
        await look_around(calls, namespace)
        await live_with_a_pod(calls, namespace, image)
        await change_a_resource(calls, namespace)
    print(json.dumps({"tools": sorted(tools), "calls": calls.told}, indent=1))


async def look_around(calls, namespace):
    assert namespace in await calls.of("namespaces_list")
    assert "control-plane" in await calls.of("resources_list", apiVersion="v1", kind="Node")
    await calls.of("events_list")
    await calls.of("pods_list")


async def live_with_a_pod(calls, namespace, image):
    """The image has no program of its own to start, so the pod comes as a resource where it must do something."""
    name = f"mcp-call-{uuid.uuid4().hex[:8]}"
    container = {
        "name": "main", "image": image, "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", "echo said-by-the-pod; exec busybox sleep 600"],
    }  # fmt: skip
    pod = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
    }  # fmt: skip
    await calls.of("resources_create_or_update", resource=json.dumps(pod))
    try:
        await calls.until("said-by-the-pod", "pods_log", name=name, namespace=namespace)
        assert name in await calls.of("pods_list")
        assert name in await calls.of("pods_list_in_namespace", namespace=namespace)
        command = ["sh", "-c", "echo $((6 * 7))-in-the-pod"]
        assert "42-in-the-pod" in await calls.of("pods_exec", name=name, namespace=namespace, command=command)
    finally:
        await calls.of("pods_delete", name=name, namespace=namespace)
    ran = f"mcp-ran-{uuid.uuid4().hex[:8]}"
    await calls.of("pods_run", name=ran, namespace=namespace, image=image)
    await calls.of("pods_get", name=ran, namespace=namespace)
    await calls.of("pods_delete", name=ran, namespace=namespace)


async def change_a_resource(calls, namespace):
    name = f"mcp-call-{uuid.uuid4().hex[:8]}"
    which = {"apiVersion": "v1", "kind": "ConfigMap"}
    resource = {**which, "metadata": {"name": name, "namespace": namespace}, "data": {"a": "by-mcp"}}
    await calls.of("resources_create_or_update", resource=json.dumps(resource))
    assert "by-mcp" in await calls.of("resources_get", **which, name=name, namespace=namespace)
    await calls.of("resources_delete", **which, name=name, namespace=namespace)


class Calls:
    """Calls of tools, with what they answered."""

    def __init__(self, client):
        self.client = client
        self.told = {}

    async def of(self, tool, **arguments):
        failed, text = await self.answer(tool, arguments)
        assert not failed, f"{tool} {arguments}: {text}"
        return text

    async def until(self, part, tool, **arguments):
        """Calls again until the answer has a part, as a pod takes a moment to start."""
        ends = time.monotonic() + PATIENCE_SECONDS
        while True:
            failed, text = await self.answer(tool, arguments)
            if not failed and part in text:
                return text
            assert time.monotonic() < ends, f"{tool} {arguments}: {text}"
            await asyncio.sleep(0.5)

    async def answer(self, tool, arguments):
        result = await self.client.call_tool(tool, arguments)
        text = "\n".join(part.text for part in result.content if part.type == "text")
        self.told[tool] = text[:200]
        return result.is_error, text


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
