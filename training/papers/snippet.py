"""The Python of a model card that classifies tweets by transformers."""

import ast
import inspect

from inference import normalization

_SNIPPET = """\
{normalization}


classify = pipeline(
    "text-classification", model="{repo_id}", truncation=True, max_length={max_tokens}
)
print(classify(normalize("Beautiful post!!!")))
"""


def usage(repo_id: str, max_tokens: int) -> str:
    """Return a script that loads a model from the Hub and reads tweets as serving does.

    It needs transformers and torch, and nothing of this project: the normalisation is copied
    into it from its source. ``max_tokens`` is where serving cuts a text off.
    """
    return _SNIPPET.format(
        normalization=normalization_source(), repo_id=repo_id, max_tokens=max_tokens
    )


def normalization_source() -> str:
    """Return the code of `inference.normalization` without its docstrings and comments."""
    tree = ast.parse(inspect.getsource(normalization))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef):
            node.body = node.body[ast.get_docstring(node) is not None :]
    tree.body.insert(0, ast.parse("from transformers import pipeline").body[0])
    return ast.unparse(tree)
