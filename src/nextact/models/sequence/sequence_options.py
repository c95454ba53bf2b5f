"""Options of the sequence network; free of heavy imports, since the command line reads them."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import pairwise
from typing import Literal

from nextact.options import Count, Factor, InnerShare, NotNegative, Positive, Share, ShareBelowOne, options, renamed

NARROW = 64  # dimensions


def check(block: object, name: str, holds: bool, wanted: str) -> None:
    """Refuse a value that does not fit the others of its block."""
    if not holds:
        raise ValueError(f"{name} must be {wanted}, got {getattr(block, name)!r}")


def check_backbone(name: str) -> None:
    """Refuse a backbone that transformers does not know, before any model is fitted.

    Raises:
        ValueError: With the close matches.
    """
    if name in ("gpt2", "bert", "nextact"):  # what conf names: importing transformers, and torch with it, is spared
        return
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    if name not in CONFIG_MAPPING_NAMES:
        close = get_close_matches(name, CONFIG_MAPPING_NAMES, n=3)
        raise ValueError(
            f"name {name!r} is no transformers configuration; "
            f"{'near it: ' + ', '.join(close) if close else 'one that is known is gpt2'}"
        )


@options
class BackboneOptions:
    """The network that reads the steps of a history.

    Attributes:
        name: ``nextact``, a block of our own that knows how long ago each step was; or the name of a ``transformers``
            configuration whose model takes ``inputs_embeds``: causal ones (``gpt2``, ``llama`` …) for the objective
            ``next``, any for ``masked`` (``bert`` …).
        pretrained: Folder or hub name of a ``transformers`` model of that kind whose weights the backbone starts from;
            its sizes stand in for ``dimensions``, ``layers`` and ``heads``, which must agree. None starts from noise.
        dimensions: Width of item, event-type and step vectors; a multiple of ``heads``.
        layers: Blocks of the backbone.
        heads: Attention heads a block.
        feed_forward: Width inside each block's feed-forward part; None is four times ``dimensions``, or, for
            ``nextact``, as many weights as that has.
        dropout: Share of activations dropped in training, in [0, 1).
        max_steps: Newest steps of a history that are read.
        gate: Whether the state is changed by the event type that is asked for before items are scored; where there is
            one event type alone there is no gate.
        compile: Whether torch compiles the backbone.
    """

    name: str = "gpt2"
    pretrained: str | None = None
    dimensions: Count = 64
    layers: Count = 2
    heads: Count = 2
    feed_forward: Count | None = None
    dropout: ShareBelowOne = 0.2
    max_steps: Count = 50
    gate: bool = False
    compile: bool = False

    def __post_init__(self) -> None:
        check(self, "dimensions", self.dimensions % self.heads == 0, f"a multiple of heads ({self.heads})")
        check(self, "pretrained", self.pretrained is None or self.name != "nextact", "None for the backbone 'nextact'")
        check_backbone(self.name)

    @property
    def is_narrow(self) -> bool:
        """Whether an update on a CPU takes less time in one thread than in several, but for its softmax."""
        return self.dimensions <= NARROW


@options
class TextOptions:
    """What an item is made of: its text, its id, or both.

    Attributes:
        blocks: Item vectors that are read; those that a run lacks step aside.
        start: Start the id vectors from the whitened first text block instead of from noise.
        id_dropout: Share of the items with text whose id vector is dropped in each training batch, in [0, 1), so that
            text alone learns to carry an item.
        item_ids: Whether items have an id vector and a bias of their own. Without, an item is its text alone, and the
            network can be moved to a catalogue that it was never trained on (``SequenceRecommender.for_catalogue``).
    """

    blocks: tuple[str, ...] = ("encoder",)
    start: bool = True
    id_dropout: ShareBelowOne = 0.1
    item_ids: bool = True

    def __post_init__(self) -> None:
        check(self, "blocks", len(set(self.blocks)) == len(self.blocks), "without repeats")


@options
class LossOptions:
    """What training lowers.

    Attributes:
        objective: ``next`` predicts each step from those before it; ``masked`` predicts steps that were taken out from
            both sides, as BERT's masked language model does.
        masked_share: Share of the steps taken out, in (0, 1); read with the objective ``masked`` only.
        event_type_weight: Weight of the event-type loss beside the item loss.
        kind: ``full`` is the softmax over the whole catalogue; ``sampled`` the softmax over drawn items with logQ
            correction; ``gbce`` the generalised binary cross-entropy. ``auto`` takes ``full`` up to 100,000 items, else
            ``sampled``.
        negatives: Items drawn for each batch, read with ``sampled`` and ``gbce``.
        popular_negatives: Share of these drawn by popularity, in [0, 1]; the rest is drawn evenly. 0 for ``gbce``.
        batch_negatives: Share drawn from the batch's own targets, in [0, 1]; 0 for ``gbce``.
        gbce_calibration: t of gBCE, in [0, 1].
        full_last: Share of the updates at the end of training that take the full softmax whatever ``loss`` says, in [0,
            1].
        soft_targets: Share of each target that goes to the items that tend to follow the last one, in [0, 1); 0 with
            the objective ``masked``, whose steps are known from both sides.
        soft_source: Baseline that says what follows: ``transition`` within three steps, ``ease`` anywhere in a history.
        soft_items: How many of these an item has at most.
        chunk_steps: Steps whose logits stand in memory at once.
    """

    objective: Literal["next", "masked"] = "next"
    masked_share: InnerShare = 0.2
    event_type_weight: NotNegative = 0.2
    kind: Literal["auto", "full", "sampled", "gbce"] = "auto"
    negatives: Count = 512
    popular_negatives: Share = 0.25
    batch_negatives: Share = 0.25
    gbce_calibration: Share = 0.75
    full_last: Share = 0.0
    soft_targets: ShareBelowOne = 0.0
    soft_source: Literal["transition", "ease"] = "transition"
    soft_items: Count = 20
    chunk_steps: Count = 256

    def __post_init__(self) -> None:
        fits = self.popular_negatives + self.batch_negatives <= 1
        check(self, "batch_negatives", fits, "at most 1 with the popular")
        follows = not self.soft_targets or self.objective == "next"
        check(self, "soft_targets", follows, "0 with the objective 'masked'")


@options
class OptimiserOptions:
    """How training goes on, and when it stops.

    Attributes:
        learning_rate: Largest step size of AdamW, reached after the warm-up.
        weight_decay: Decay of matrices; biases and norms have none.
        epochs: Most passes over the training log.
        batch_steps: Most real steps of an update.
        micro_batches: Batches that an update is computed in, one after the other, where memory is short.
        warmup_share: Share of all updates in which the step size rises, in [0, 1).
        clip_norm: Largest norm of the gradient.
        patience: Epochs without a better validation before training stops.
        average_decay: Decay of the running average of the weights that is validated and kept, in [0, 1); 0 keeps the
            weights themselves.
        precision: Arithmetic of the forward pass.
        newer_epochs: Passes over the newer steps, where a refit goes on from the validated weights.
        newer_rate: Share of ``learning_rate`` in these, in (0, 1].
    """

    learning_rate: Positive = 5e-3
    weight_decay: NotNegative = 0.01
    epochs: Count = 8
    batch_steps: Count = 512
    micro_batches: Count = 1
    warmup_share: ShareBelowOne = 0.1
    clip_norm: Positive = 1.0
    patience: Count = 3
    average_decay: ShareBelowOne = 0.0
    precision: Literal["no", "bf16", "fp16"] = "no"
    newer_epochs: Count = 2
    newer_rate: Factor = 0.3


@options
class HorizonOptions:
    """The heads that say whether an event comes within so many days.

    Attributes:
        days: Horizons, in days, within which the probability of each event type is learnt once the network stands;
            whole days, ascending; none switches the heads off.
        landmarks: Moments of the training window, at most, from which the longest horizon is learnt.
        landmark_days: Days between two of them; no multiple of 7, or all fall on the same day of the week.
        rows: Most users at landmarks that are learnt from.
    """

    days: tuple[int, ...] = (1, 7, 30)
    landmarks: Count = 30
    landmark_days: Count = 5
    rows: Count = 200_000

    def __post_init__(self) -> None:
        rising = all(low < high for low, high in pairwise((0, *self.days)))
        check(self, "days", rising, "at least 1 and ascending")


@options
class SequenceOptions:
    """A transformer over the steps of a history, with item text beside item ids.

    Attributes:
        backbone: The network.
        text: What an item is made of.
        loss: What training lowers.
        optimiser: How training goes on.
        horizons: The heads beside the network.
    """

    backbone: BackboneOptions = BackboneOptions()
    text: TextOptions = TextOptions()
    loss: LossOptions = LossOptions()
    optimiser: OptimiserOptions = OptimiserOptions()
    horizons: HorizonOptions = HorizonOptions()

    def __post_init__(self) -> None:
        enough = self.backbone.max_steps >= 2 or self.loss.objective == "next"
        if not enough:
            raise ValueError(f"backbone.max_steps must be at least 2 to mask one, got {self.backbone.max_steps}")


renamed(
    SequenceOptions,
    {
        "pretrained": "backbone.pretrained",
        "dimensions": "backbone.dimensions",
        "layers": "backbone.layers",
        "heads": "backbone.heads",
        "feed_forward": "backbone.feed_forward",
        "dropout": "backbone.dropout",
        "max_steps": "backbone.max_steps",
        "gate": "backbone.gate",
        "compile": "backbone.compile",
        "objective": "loss.objective",
        "hidden_share": "loss.masked_share",
        "loss_chunk_steps": "loss.chunk_steps",
        "negatives": "loss.negatives",
        "popular_negatives": "loss.popular_negatives",
        "batch_negatives": "loss.batch_negatives",
        "gbce_calibration": "loss.gbce_calibration",
        "full_last": "loss.full_last",
        "soft_targets": "loss.soft_targets",
        "soft_source": "loss.soft_source",
        "soft_items": "loss.soft_items",
        "event_type_weight": "loss.event_type_weight",
        "text_blocks": "text.blocks",
        "text_start": "text.start",
        "id_dropout": "text.id_dropout",
        "item_ids": "text.item_ids",
        "learning_rate": "optimiser.learning_rate",
        "weight_decay": "optimiser.weight_decay",
        "epochs": "optimiser.epochs",
        "batch_steps": "optimiser.batch_steps",
        "micro_batches": "optimiser.micro_batches",
        "warmup_share": "optimiser.warmup_share",
        "clip_norm": "optimiser.clip_norm",
        "patience": "optimiser.patience",
        "average_decay": "optimiser.average_decay",
        "precision": "optimiser.precision",
        "horizon_days": "horizons.days",
        "horizon_landmarks": "horizons.landmarks",
        "horizon_landmark_days": "horizons.landmark_days",
        "horizon_rows": "horizons.rows",
    },
)
