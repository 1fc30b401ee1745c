"""The server of the Model Context Protocol over one store; a transport carries it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar

import mcp_types as types
from anyio import to_thread
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError

from mitoshi import __version__
from mitoshi.core.errors import MitoshiError, misspelt
from mitoshi.interfaces.mcp import prompts, resources
from mitoshi.interfaces.mcp.context import Answer, Call, ToolContext, told
from mitoshi.interfaces.mcp.tools import arguments_of, tools

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp.server.context import ServerRequestContext

__all__ = ["make_server"]

Content = TypeVar("Content")
LOG = logging.getLogger("mitoshi.service")
INSTRUCTIONS = (
    "Satellite observations into decisions that a stranger can check. Find data with search, learn what a method takes with "
    "describe, run it through its own tool with area and event or with items of the catalogue. Report every number with its "
    "unit and interval or the reason why there is none, say when the result is simulated, and name the id of the bundle; "
    "verify runs a bundle again and compares; score compares a product with a reference. "
    "数値は単位と信頼区間（ない場合はその理由）とともに報告し、模擬の場合はその旨と、"
    "証跡一式の ID を必ず示してください。"
)


def make_server(context: ToolContext, owner_of: Callable[[Any], str | None] = lambda _request: None) -> Server[Any]:
    """Return the server of a store.

    Parameters
    ----------
    context
        What the tools have at hand.
    owner_of
        Who asks, from the HTTP request; None is whoever owns the machine.
    """

    async def list_tools(_: Any, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        _one_page(params)
        made = await to_thread.run_sync(tools)
        return types.ListToolsResult(tools=[tool.definition for tool in made.values()])

    async def call_tool(
        ctx: ServerRequestContext[Any, Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        made = await to_thread.run_sync(tools)
        if params.name not in made:
            raise MCPError(types.INVALID_PARAMS, misspelt("tool", params.name[:80], made))
        tool = made[params.name]
        try:
            arguments = arguments_of(tool, params.arguments or {})
            answer = await tool.work(Call(context, arguments, owner_of(ctx.request), ctx.session.report_progress))
        except MitoshiError as error:
            answer = Answer(told(error), failed=True)
        except Exception as error:
            LOG.exception("internal error in the tool %s", params.name)
            answer = Answer(f"internal error ({type(error).__name__}); the server's log has more", failed=True)
        return _result(answer)

    async def list_resources(_: Any, params: types.PaginatedRequestParams | None) -> types.ListResourcesResult:
        cursor = None if params is None else params.cursor
        found, more = await to_thread.run_sync(_guarded, resources.listed, context.bundle_store, cursor)
        return types.ListResourcesResult(resources=found, next_cursor=more)

    async def templates(_: Any, params: types.PaginatedRequestParams | None) -> types.ListResourceTemplatesResult:
        _one_page(params)
        return types.ListResourceTemplatesResult(resource_templates=[resources.TEMPLATE])

    async def read_resource(_: Any, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        content = await to_thread.run_sync(_guarded, resources.read, context.bundle_store, str(params.uri))
        return types.ReadResourceResult(contents=[content])

    async def list_prompts(_: Any, params: types.PaginatedRequestParams | None) -> types.ListPromptsResult:
        _one_page(params)
        return types.ListPromptsResult(prompts=prompts.prompts())

    async def get_prompt(_: Any, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        return _guarded(prompts.filled, params.name, params.arguments or {})

    return Server(
        "mitoshi",
        version=__version__,
        title="mitoshi",
        instructions=INSTRUCTIONS,
        get_tool_input_schema=lambda name: tools()[name].inputs if name in tools() else None,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=templates,
        on_read_resource=read_resource,
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
    )


def _one_page(params: types.PaginatedRequestParams | None) -> None:
    if params is not None and params.cursor is not None:
        raise MCPError(types.INVALID_PARAMS, "this list has one page; leave the cursor out")


def _guarded(work: Callable[..., Content], *arguments: Any) -> Content:
    """Return what `work` returns; its refusal becomes an error of the protocol."""
    try:
        return work(*arguments)
    except MitoshiError as error:
        raise MCPError(types.INVALID_PARAMS, told(error)) from None


def _result(answer: Answer) -> types.CallToolResult:
    links = [types.ResourceLink(uri=r.uri, name=r.name, title=r.title, mime_type=r.mime_type) for r in answer.resources]
    return types.CallToolResult(
        content=[types.TextContent(text=answer.text), *links], structured_content=answer.data, is_error=answer.failed
    )
