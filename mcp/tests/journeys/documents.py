"""Texts to import: the repository's own Markdown files, and texts that programs stumble over."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

LINE_END = re.compile(r"\r\n|\r|\n")
FENCE = re.compile(r" {0,3}(```|~~~)")
HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(.*?)[ \t]*#*[ \t]*$")


@dataclass(frozen=True)
class Document:
    name: str
    text: str

    @property
    def headings(self) -> list[str]:
        """The headings written with #, outside of code blocks."""
        found: list[str] = []
        fence = ""
        for line in LINE_END.split(self.text):
            mark = FENCE.match(line)
            if mark:
                fence = "" if fence == mark[1] else fence or mark[1]
            elif not fence and (heading := HEADING.match(line)):
                found.append(heading[1])
        return found


def markdown_files(repository: Path) -> list[Document]:
    """Every Markdown file that git tracks, with the content that git holds."""
    names = _git(repository, "ls-files", "-z", "--", "*.md").decode().split("\0")[:-1]
    return [Document(name, _git(repository, "show", f":{name}").decode()) for name in names]


def _git(repository: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(repository), *arguments], check=True, capture_output=True).stdout


def awkward_texts(marker: str) -> list[Document]:
    """Each contains `marker` where it can, so that logs can be searched for it."""
    texts = {
        "emoji": "# \U0001f468\u200d\U0001f469\u200d\U0001f467\n\n\U0001f600 \u00e9 e\u0301 \U00020bb7\n",
        "right to left": "# \u05e9\u05dc\u05d5\u05dd\n\n\u0645\u0631\u062d\u0628\u0627 \u202eabc\u202c\n",
        "line ends": "# One\r\n\r\n## Two\r\nold\rstyle\n\n",
        "separators": "# Line\u2028separator\n\na\u2028b\u2029c\u0085d\x0b\x0ce\x1cf\u00a0g\ufeff\n",
        "long": "# Long\n\n" + "0123456789abcdef \u00e4\u00f6\u00fc\n" * 9000,
        "like JSON": '{"title": "not mine", "tags": ["a"], "n": 1e999, "deep": {"uid": null}}',
        "like a list": '["a", "b"]',
        "markup": "# <b>&amp;</b>\n\n</script> <!-- --> \\u0041 \\n %00 {{x}} ${y} \"' \t\x01\x7f\n",
    }
    documents = [Document(f"awkward/{name}.md", f"{text}{marker}") for name, text in texts.items()]
    return [*documents, Document("awkward/empty.md", "")]
