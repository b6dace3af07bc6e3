"""What every training here tells Trainer."""

from typing import Any

from transformers import TrainingArguments

from training.terminal import has_terminal


def arguments(folder: str, seed: int, **choices: Any) -> TrainingArguments:
    """Return Trainer's arguments: those that all trainings share, and the choices of one.

    The rate warms up and then falls in a straight line to 0. Progress is a bar in a terminal,
    and lines elsewhere. Nothing is saved or sent anywhere; the folder stays empty.

    A process trains on one device. With several GPUs and one process, Trainer would take
    torch's DataParallel, gather the outputs of all of them, and then multiply the loss of the
    whole batch by the number of GPUs, as if it were that of each one's part (transformers
    5.23, ``Trainer.compute_loss``).
    """
    made = TrainingArguments(
        output_dir=folder,
        seed=seed,
        lr_scheduler_type="linear",
        adam_beta2=0.98,
        save_strategy="no",
        report_to="none",
        disable_tqdm=not has_terminal(),
        dataloader_pin_memory=False,
        **choices,
    )
    made._n_gpu = min(made.n_gpu, 1)  # pylint: disable=protected-access  # as Trainer itself sets it
    return made
