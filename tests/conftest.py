"""Small real inputs, and a run of the tiny suite, that tests share."""

import ipaddress
import socket
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.project import Project
from whypretrain.data.sources import load_source
from whypretrain.data.table import Split, read_split, write_split
from whypretrain.settings.data import Digits
from whypretrain.settings.models import ImageArchitecture, TextArchitecture

torch.set_num_threads(1)

FIRST = ("test_crash_points", "reliability/test_kills", "tests/workflow", "tests/test_documented")
SMALL_NETWORKS = ("whypretrain_vgg", "whypretrain_resnet", "whypretrain_vit")


def small(name: str) -> ImageArchitecture:
    """One of the embedded suite's architectures."""
    return ImageArchitecture(timm=name, image_size=28, channels=1, mean=[0.3], std=[0.35])


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kills", type=int, default=6, help="kills of tests/reliability/test_kills.py (default 6)"
    )


SLOW = (
    *("tests/test_documented.py", "tests/explain/test_notebook.py", "tests/slurm/"),
    *("tests/report/explorer/test_browser", "tests/report/explorer/test_stage.py"),
    *("tests/workflow/test_bring_your_own.py", "tests/workflow/test_secrets.py"),
    *("tests/workflow/test_snakemake_3808.py", "tests/workflow/test_invalidation.py"),
    *("tests/workflow/test_workflow.py", "tests/workflow/test_plan.py"),
    *("tests/workflow/test_profiles.py", "tests/workflow/test_adapting.py"),
    *("tests/reliability/", "tests/validation/planted/test_stage.py"),
)
"""What `make test` leaves to `make test-all`: whole workflows, browsers, many processes."""
CORE = ("test_nothing_is_due_after_a_run", "test_wording_and_the_writing_of_files_rerun_nothing")
"""Of these, what it runs all the same."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that fork come first: torch cannot train in a fork of a process that has trained.

    Then those that last long, lest in the end all but one worker wait for them.
    """
    for item in items:
        if item.nodeid.startswith(SLOW) and item.name not in CORE:
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: [name not in item.nodeid for name in FIRST])


@pytest.fixture(scope="session")
def kills(pytestconfig: pytest.Config) -> int:
    """How many kills of whole workflows are asked for."""
    return int(pytestconfig.getoption("--kills"))


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but the stage `fetch` may reach beyond this machine, and it only through fakes."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        beyond = self.family in {socket.AF_INET, socket.AF_INET6}
        if beyond and not ipaddress.ip_address(address[0]).is_loopback:
            message = f"a test reached for the network: {address}"
            raise AssertionError(message)
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the project in which the tiny suite was run once."""
    result = Project(tmp_path_factory.mktemp("project"))
    result.snakemake()
    return result


@pytest.fixture(params=SMALL_NETWORKS)
def architecture(request: pytest.FixtureRequest) -> ImageArchitecture:
    return small(request.param)


@pytest.fixture(scope="session")
def digits_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared splits of the digits 5 to 7, four training images a class."""
    folder = tmp_path_factory.mktemp("digits")
    splits = load_source(Digits(source="digits", classes=[5, 6, 7], train_per_class=4))
    write_split(folder / "train.parquet", splits.train, task="image", classes=splits.classes)
    write_split(folder / "test.parquet", splits.test[::10], task="image", classes=splits.classes)
    return folder


@pytest.fixture(scope="session")
def digits(digits_folder: Path) -> tuple[Split, Split]:
    """Train and test split of `digits_folder`."""
    return read_split(digits_folder / "train.parquet"), read_split(digits_folder / "test.parquet")


SENTENCES = [
    ("a truly lovely film , full of warmth and wit from first to last", 1),
    ("the plot is dull and the jokes are painfully unfunny throughout the film", 0),
    ("one of the best and most moving films of the whole year", 1),
    ("it 's a dull , lifeless and painfully long film with no wit", 0),
    ("warmth and wit", 1),
    ("dull", 0),
]


def write_encoder(folder: Path, kind: str) -> TextArchitecture:
    """A tiny random encoder of one of two kinds, as a transformers folder with a tokenizer."""
    from transformers import (
        BertConfig,
        BertForMaskedLM,
        BertModel,
        BertTokenizer,
        DistilBertConfig,
        DistilBertForMaskedLM,
    )

    words = sorted({word for sentence, _ in SENTENCES for word in sentence.split()})
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "##ly", "love", "##s", *words]
    vocabulary.remove("lovely")  # so that one word has two tokens
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    size = len(vocabulary)
    if kind == "bert":
        config = BertConfig(
            vocab_size=size,
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=40,
        )
        # As on the hub: an encoder with pooler under `bert.`, and a masked-language head.
        model: Any = BertForMaskedLM(config)
        model.bert = BertModel(config)
    else:
        distil = DistilBertConfig(
            vocab_size=size,
            dim=16,
            n_layers=2,
            n_heads=2,
            hidden_dim=32,
            max_position_embeddings=40,
        )
        model = DistilBertForMaskedLM(distil)
    model.save_pretrained(folder)
    feature = "pooler" if kind == "bert" else "first_token"
    return TextArchitecture.model_validate(
        {"family": "transformers", "feature": feature, "folder": str(folder), "max_tokens": 32}
    )


END = "<|endoftext|>"
DECODERS: dict[str, dict[str, Any]] = {
    "GPT2": {},
    "Llama": {"num_key_value_heads": 1},
    "Qwen2": {"num_key_value_heads": 1},
    "Qwen3": {"num_key_value_heads": 1, "head_dim": 8},
}


def write_decoder(folder: Path, kind: str, baseline_token: str | None = END) -> TextArchitecture:
    """A tiny random decoder of a kind, as a transformers folder with its kind of tokenizer.

    All have byte-level tokens and none for masking. GPT-2's knows no padding, Llama's begins each
    sentence with a special token, and Qwen's pads with the token that ends a text.
    """
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer: Any = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=[END, "<s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator([sentence for sentence, _ in SENTENCES], trainer)
    if kind == "Llama":
        made.post_processor = processors.TemplateProcessing(
            single="<s> $A", pair=None, special_tokens=[("<s>", made.token_to_id("<s>"))]
        )
    fast: Any = transformers.PreTrainedTokenizerFast
    padding = {"pad_token": END} if kind.startswith("Qwen") else {}
    tokenizer = fast(tokenizer_object=made, eos_token=END, **padding)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        **({} if kind == "GPT2" else {"intermediate_size": 32}),
        max_position_embeddings=40,
        bos_token_id=1,
        eos_token_id=0,
        pad_token_id=0 if padding else None,
        initializer_range=0.3,  # so that masks matter
        **DECODERS[kind],
    )
    name = "GPT2LMHeadModel" if kind == "GPT2" else f"{kind}ForCausalLM"
    getattr(transformers, name)(config).save_pretrained(folder)
    return TextArchitecture(
        family="transformers",
        feature="last_token",
        baseline_token=baseline_token,
        folder=str(folder),
        max_tokens=40,
    )


@pytest.fixture(params=DECODERS)
def decoder(request: pytest.FixtureRequest, tmp_path: Path) -> TextArchitecture:
    return write_decoder(tmp_path / request.param, request.param)


@pytest.fixture(params=["bert", "distilbert"])
def encoder(request: pytest.FixtureRequest, tmp_path: Path) -> TextArchitecture:
    return write_encoder(tmp_path / request.param, request.param)
