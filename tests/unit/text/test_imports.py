"""The room as a whole: cheap to import, and free of pickles."""

import re
import subprocess
import sys
from pathlib import Path

import nextact.text

FOLDER = Path(nextact.text.__file__).parent
HEAVY = ("torch", "transformers", "spacy", "gensim", "sklearn", "sentence_transformers", "jieba", "huggingface_hub")


def test_importing_the_room_loads_nothing_heavy():
    files = [file.relative_to(FOLDER).with_suffix("") for file in FOLDER.rglob("*.py") if file.stem != "__init__"]
    modules = [".".join(("nextact.text", *file.parts)) for file in files]
    assert len(modules) > 20
    code = f"import sys, {', '.join(modules)}\nprint(*[name for name in {HEAVY} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_no_module_reads_or_writes_a_pickle():
    forbidden = re.compile(r"import pickle|joblib|torch\.(load|save)\(|allow_pickle=True|\bKeyedVectors\.load\(")
    found = [file.name for file in FOLDER.rglob("*.py") if forbidden.search(file.read_text(encoding="utf-8"))]
    assert found == []
