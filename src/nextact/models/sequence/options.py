"""Options of the sequence network; free of heavy imports, since the command line reads them."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import pairwise
from typing import Literal

from nextact.options import Count, InnerShare, NotNegative, Positive, Share, ShareBelowOne, options


@options
class SequenceOptions:
    """A transformer over the steps of a history, with item text beside item ids.

    Attributes:
        backbone: ``nextact``, a block of our own that knows how long ago each step was; or the name of a
            ``transformers`` configuration whose model takes ``inputs_embeds``: causal ones (``gpt2``, ``llama`` …) for
            the objective ``next``, any for ``hidden`` (``bert`` …).
        pretrained: Folder or hub name of a ``transformers`` model of that kind whose weights the backbone starts from;
            its sizes stand in for ``dimensions``, ``layers`` and ``heads``, which must agree. None starts from noise.
        objective: ``next`` predicts each step from those before it; ``hidden`` predicts steps that were taken out from
            both sides, as BERT's masked language model does.
        hidden_share: Share of the steps taken out, in (0, 1); read with the objective ``hidden`` only.
        dimensions: Width of item, event-type and step vectors; a multiple of ``heads``.
        layers: Blocks of the backbone.
        heads: Attention heads a block.
        feed_forward: Width inside each block's feed-forward part; None is four times ``dimensions``, or, for
            ``nextact``, as many weights as that has.
        dropout: Share of activations dropped in training, in [0, 1).
        max_steps: Newest steps of a history that are read.
        text_blocks: Item vectors that are read; those that a run lacks step aside.
        text_start: Start the id vectors from the whitened first text block instead of from noise.
        id_dropout: Share of the items with text whose id vector is dropped in each training batch, in [0, 1), so
            that text alone learns to carry an item.
        item_ids: Whether items have an id vector and a bias of their own. Without, an item is its text alone, and the
            network can be moved to a catalogue that it was never trained on (``SequenceRecommender.for_catalogue``).
        learning_rate: Largest step size of AdamW, reached after the warm-up.
        weight_decay: Decay of matrices; biases and norms have none.
        epochs: Most passes over the training log.
        batch_steps: Most real steps of an update.
        micro_batches: Batches that an update is computed in, one after the other, where memory is short.
        warmup_share: Share of all updates in which the step size rises, in [0, 1).
        clip_norm: Largest norm of the gradient.
        patience: Epochs without a better validation before training stops.
        event_type_weight: Weight of the event-type loss beside the item loss.
        gate: Whether the state is changed by the event type that is asked for before items are scored; where there is
            one event type alone there is no gate.
        loss: ``full`` is the softmax over the whole catalogue; ``sampled`` the softmax over drawn items with logQ
            correction; ``gbce`` the generalised binary cross-entropy. ``auto`` takes ``full`` up to 100,000 items, else
            ``sampled``.
        negatives: Items drawn for each batch, read with ``sampled`` and ``gbce``.
        popular_negatives: Share of these drawn by popularity, in [0, 1]; the rest is drawn evenly. 0 for ``gbce``.
        batch_negatives: Share drawn from the batch's own targets, in [0, 1]; 0 for ``gbce``.
        gbce_calibration: t of gBCE, in [0, 1].
        full_last: Share of the updates at the end of training that take the full softmax whatever ``loss`` says, in
            [0, 1].
        soft_targets: Share of each target that goes to the items that tend to follow the last one, in [0, 1); 0 with
            the objective ``hidden``, whose steps are known from both sides.
        soft_source: Baseline that says what follows: ``transition`` within three steps, ``ease`` anywhere in a
            history.
        soft_items: How many of these an item has at most.
        loss_chunk_steps: Steps whose logits stand in memory at once.
        average_decay: Decay of the running average of the weights that is validated and kept, in [0, 1); 0 keeps the
            weights themselves.
        horizon_days: Horizons, in days, within which the probability of each event type is learnt once the network
            stands; whole days, ascending; none switches the heads off.
        horizon_landmarks: Moments of the training window, at most, from which the longest horizon is learnt.
        horizon_landmark_days: Days between two of them; no multiple of 7, or all fall on the same day of the week.
        horizon_rows: Most users at landmarks that are learnt from.
        precision: Arithmetic of the forward pass.
        compile: Whether torch compiles the backbone.
    """

    backbone: str = "gpt2"
    pretrained: str | None = None
    objective: Literal["next", "hidden"] = "next"
    hidden_share: InnerShare = 0.2
    dimensions: Count = 64
    layers: Count = 2
    heads: Count = 2
    feed_forward: Count | None = None
    dropout: ShareBelowOne = 0.2
    max_steps: Count = 50
    text_blocks: tuple[str, ...] = ("encoder",)
    text_start: bool = True
    id_dropout: ShareBelowOne = 0.1
    item_ids: bool = True
    learning_rate: Positive = 5e-3
    weight_decay: NotNegative = 0.01
    epochs: Count = 8
    batch_steps: Count = 512
    micro_batches: Count = 1
    warmup_share: ShareBelowOne = 0.1
    clip_norm: Positive = 1.0
    patience: Count = 3
    event_type_weight: NotNegative = 0.2
    gate: bool = False
    loss: Literal["auto", "full", "sampled", "gbce"] = "auto"
    negatives: Count = 512
    popular_negatives: Share = 0.25
    batch_negatives: Share = 0.25
    gbce_calibration: Share = 0.75
    full_last: Share = 0.0
    soft_targets: ShareBelowOne = 0.0
    soft_source: Literal["transition", "ease"] = "transition"
    soft_items: Count = 20
    loss_chunk_steps: Count = 256
    average_decay: ShareBelowOne = 0.0
    horizon_days: tuple[int, ...] = (1, 7, 30)
    horizon_landmarks: Count = 30
    horizon_landmark_days: Count = 5
    horizon_rows: Count = 200_000
    precision: Literal["no", "bf16", "fp16"] = "no"
    compile: bool = False

    def __post_init__(self) -> None:
        self._check("max_steps", self.max_steps >= 2 or self.objective == "next", "at least 2 to hide one")
        self._check("dimensions", self.dimensions % self.heads == 0, f"a multiple of heads ({self.heads})")
        self._check("batch_negatives", self.popular_negatives + self.batch_negatives <= 1, "at most 1 with the popular")
        self._check("soft_targets", not self.soft_targets or self.objective == "next", "0 with the objective 'hidden'")
        self._check("pretrained", self.pretrained is None or self.backbone != "nextact", "None for backbone 'nextact'")
        check_backbone(self.backbone)
        rising = all(low < high for low, high in pairwise((0, *self.horizon_days)))
        self._check("horizon_days", rising, "at least 1 and ascending")
        self._check("text_blocks", len(set(self.text_blocks)) == len(self.text_blocks), "without repeats")

    def _check(self, name: str, holds: bool, wanted: str) -> None:
        if not holds:
            raise ValueError(f"{name} must be {wanted}, got {getattr(self, name)!r}")


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
            f"backbone {name!r} is no transformers configuration; "
            f"{'near it: ' + ', '.join(close) if close else 'one that is known is gpt2'}"
        )
