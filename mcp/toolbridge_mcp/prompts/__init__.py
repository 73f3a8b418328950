"""What people can ask for by name: texts that a model can act on with the tools it has."""

from collections.abc import Collection, Mapping, Sequence

from toolbridge_mcp.client import ApiClient
from toolbridge_mcp.entities import Entity
from toolbridge_mcp.prompts.guide_prompt import GuidePrompt
from toolbridge_mcp.prompts.guides import GUIDES
from toolbridge_mcp.resilience import CallLimits

__all__ = ["GuidePrompt", "build_prompts", "items_named_by"]


def build_prompts(
    client: ApiClient, limits: CallLimits, *, entities: Sequence[Entity], tools: Collection[str], scope: str
) -> Sequence[GuidePrompt]:
    """The prompts about these entities that such tools can serve, by their names. A caller needs `scope`."""
    by_kind = {entity.kind: entity for entity in entities}
    guides = [guide for guide in GUIDES if guide.about_any(by_kind)]
    prompts = [GuidePrompt.of(guide, by_kind, client, limits, scope) for guide in guides]
    return [prompt for prompt in prompts if prompt.works_with(frozenset(tools))]


def items_named_by(prompts: Sequence[GuidePrompt]) -> Mapping[tuple[str, str], Entity]:
    """The entity of each argument that names an item, by the names of prompt and argument."""
    return {(prompt.name, prompt.subject.kind): prompt.subject for prompt in prompts if prompt.subject}
