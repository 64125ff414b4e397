"""Put our capacity file into force beside the app's files, and take it out again without a trace."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from ..docker.containers import Container, services_with_variable
from ..state.state import StateFolder
from ..system.failure import HostSideError
from ..system.paths import DOCKER_SOCKET
from .attachment import ENVIRONMENT, NAMED, Attachment, attachment_of, team_files
from .capacity import parse, render, written_by_us
from .capacity_keys import Key, keys_of, services_of, taken_back
from .capacity_records import CapacityRecords
from .compose import Compose
from .dotenv import find_entry, resolved
from .entry import COMPOSE_FILE, entry_note, value_put_back, with_file, without_file
from .files_in_force import CAPACITY_FILE, environment_bytes, files_in_force
from .our_file import OVERRIDE_FILE, is_ours, our_file
from .project import Project, read_project
from .project_files import Content, ProjectFiles

__all__ = ["CapacityWriter"]

_NOTHING = "services: {}\n"


class CapacityWriter:
    """The capacity file of one Project and its Attachment.

    What was there before our first change is kept in the state folder, so that uninstalling brings it back byte for
    byte. ``containers`` are those of the project: they tell how its team calls Compose.
    """

    def __init__(
        self,
        folder: StateFolder,
        project: str,
        directory: str,
        containers: Iterable[Container] = (),
        *,
        socket_path: str = DOCKER_SOCKET,
    ) -> None:
        if not os.path.isdir(directory):
            raise HostSideError(f"The folder {directory} of project {project} is missing.", kind="compose")
        self._project = project
        self._directory = directory
        self._environment_path = os.path.join(directory, ".env")
        self._containers = [container for container in containers if container.project == project]
        self._socket_path = socket_path
        self._records = CapacityRecords(folder, project, directory)

    @cached_property
    def team(self) -> list[str]:
        """The team's own Compose files in force; taking our file away needs none of them."""
        return team_files(self._now())

    @property
    def file(self) -> str:
        """The name of the file that is ours, or would be."""
        record = self._records.read()
        return str(record["file"]) if record else our_file(self._directory)

    @property
    def text(self) -> str | None:
        """The capacity file as it is, None when there is none."""
        content = self._files.content(self._path(self.file))
        return None if content is None else content.decode("utf-8", "replace")

    @property
    def environment(self) -> bytes:
        """``.env`` as it is, empty when there is none."""
        return environment_bytes(self._directory)

    def attachment(self) -> Attachment:
        """How the file takes effect, or would; see ``attachment_of``."""
        record = self._records.read()
        return attachment_of(
            self._now(),
            added=bool(record and record.get("entry")),
            carriers=lambda: services_with_variable(self._socket_path, self._project, COMPOSE_FILE),
        )

    def changes(self, text: str | None) -> dict[str, tuple[Content, Content]]:
        """By path, each file before and after the file has ``text``; without a text everything of ours goes.

        Raises ``HostSideError`` of kind ``refused`` where there is no way to attach it.
        """
        wanted = self._without_us() if text is None else self._with_us(self._accepted(), text)
        return {path: (self._files.content(path), content) for path, content in self._files.differing(wanted).items()}

    def inverse(self) -> dict[str, Any]:
        """How the next change is undone."""
        about = {"project": self._project, "directory": self._directory}
        return {**about, "text": self.text, "record": self._records.read()}

    def left(self, services: dict[str, Any]) -> dict[str, Any]:
        """What the next change leaves; noted beside its inverse."""
        return {"services": services, "form": self.attachment().form}

    def write(self, text: str, *, used_at_once: bool = False) -> None:
        """Put the file in place and attach it; Compose has accepted it before, and once more after.

        ``used_at_once``: Compose reads it in a moment all the same, so it is not read once more for that.
        Raises ``HostSideError`` when there is no way to attach it, when Compose does not accept it, or when the folder
        cannot be written; everything is as before then.
        """
        self._files.clear_unfinished()
        attachment = self._accepted()
        self._check_beside(text)
        self._carry_out(attachment, text, checked=used_at_once)

    def remove(self) -> None:
        """Take the file and its attachment away."""
        self._files.clear_unfinished()
        self._files.put(self._files.differing(self._without_us()))
        self._records.write(None)

    def keys(self) -> dict[Key, Any]:
        """What the file holds, by key."""
        return _keys(self.text)

    def undo(self, inverse: dict[str, Any], left: dict[str, Any] | None) -> bool:
        """Take back what a Run set, key by key, and its attachment; whether anything differed from that.

        What other Runs have set stays. Version 0.1 noted the whole text and the entry of ``.env``: those come back as
        they were. What is left is noted before anything is written, so where it is not (None) nothing was.
        """
        self._files.clear_unfinished()
        if left is None:
            return self._undo_whole(inverse) if "environment" in inverse else False
        before = _keys(inverse["text"])
        services = taken_back(before, keys_of(left["services"]), self.keys())
        text = inverse["text"] if services == before else render(services_of(services)) if services else None
        record, noted = self._records.read(), inverse["record"]
        if text is None:
            differs = bool(self._files.differing(self._without_us()))
            self.remove()
            return differs
        ours = record is not None and record["form"] == left["form"]
        back = noted if ours and noted is not None else record
        attachment = Attachment(back["form"], back["file"]) if back else self._accepted()
        differs = bool(self._files.differing(self._with_us(attachment, text)))
        if differs:
            self._carry_out(attachment, text, checked=True)
        return differs

    def _accepted(self) -> Attachment:
        if not self.team:
            raise HostSideError(f"No Compose file was found in {self._directory}.", kind="compose")
        attachment = self.attachment()
        if attachment.refused:
            raise HostSideError(attachment.refusal, kind="refused", rule="attachment")
        return attachment

    def _carry_out(self, attachment: Attachment, text: str, *, checked: bool) -> None:
        """The record first, so that a crash at any point leaves what ``remove`` can take away."""
        known = self._records.read()
        record = self._record(attachment, known)
        wanted = self._files.differing(self._with_us(attachment, text))
        before = {path: self._files.content(path) for path in wanted}
        self._records.write({"entry": known["entry"], **record} if known and "entry" in known else record)
        try:
            self._files.put(wanted)
            if not checked:
                Compose(self._now()).check()
        except HostSideError:
            self._files.put(dict(reversed(list(before.items()))))
            self._records.write(known)
            raise
        self._records.write(record)

    def _record(self, attachment: Attachment, known: dict[str, Any] | None) -> dict[str, Any]:
        """What has to be known of the attachment to take it away again."""
        same = known is not None and (known["form"], known["file"]) == (attachment.form, attachment.file)
        record: dict[str, Any] = {"project": self._project, "form": attachment.form, "file": attachment.file}
        record["attached_at"] = known.get("attached_at") if same and known else time.time()
        if attachment.form == NAMED:
            record["before"] = known["before"] if same and known else self._named_before(attachment.file)
        if attachment.form == ENVIRONMENT:
            wanted = self._environment_with_us()
            existed = os.path.exists(self._environment_path)
            noted = known.get("entry") if known and wanted == self.environment else None
            record["entry"] = noted or entry_note(self.environment, wanted, existed=existed)
        return record

    def _named_before(self, name: str) -> str:
        """The text of a file that the team's own command names: without us it must still be one."""
        content = self._files.content(self._path(name))
        text = "" if content is None else content.decode("utf-8", "replace")
        return _NOTHING if not text or written_by_us(text) else text

    def _with_us(self, attachment: Attachment, text: str) -> dict[str, Content]:
        """All files with ours attached, in the order in which they are written: the entry decides when all is there."""
        gone = {path: content for path, content in self._without_us().items() if path != self._environment_path}
        gone.pop(self._path(attachment.file), None)
        if attachment.form == ENVIRONMENT:
            environment: Content = self._environment_with_us()
        else:
            environment = self._without_us().get(self._environment_path, self._files.content(self._environment_path))
        return {self._path(attachment.file): text.encode(), self._environment_path: environment, **gone}

    def _without_us(self) -> dict[str, Content]:
        """All files as they would be without us."""
        record = self._records.read()
        files: dict[str, Content] = {}
        if record and record.get("entry"):
            entry = record["entry"]
            content = without_file(self.environment, self._path(CAPACITY_FILE), entry)
            files[self._environment_path] = content if content or entry["existed"] else None
        for name in {OVERRIDE_FILE, CAPACITY_FILE, *([record["file"]] if record else [])}:
            content_now = self._files.content(self._path(name))
            if content_now is None or not is_ours(self._directory, name):
                continue
            if record and record["form"] == NAMED and record["file"] == name:
                files[self._path(name)] = record["before"].encode()
            elif written_by_us(content_now.decode("utf-8", "replace")):
                files[self._path(name)] = None
        return files

    def _environment_with_us(self) -> bytes:
        content, in_force = self.environment, files_in_force(self._directory)
        if resolved(content, COMPOSE_FILE) and any(is_ours(self._directory, name) for name in in_force):
            return content
        return with_file(content, self._directory, self.team, self._path(CAPACITY_FILE))

    def _check_beside(self, text: str) -> None:
        """Let Compose read the app's files with the new text, before anything is in place."""
        with self._files.trial(text) as trial:
            Compose(self._now().with_files([*self.team, trial])).check()

    @cached_property
    def _files(self) -> ProjectFiles:
        try:
            model = self.team[0]
        except (HostSideError, IndexError):  # the app's own files are gone
            model = "."
        return ProjectFiles(self._directory, model)

    def _now(self) -> Project:
        """The project as it is called now, with what we have written."""
        return read_project(self._containers, self._project, self._directory)

    def _path(self, name: str) -> str:
        return os.path.join(self._directory, name)

    def _undo_whole(self, inverse: dict[str, Any]) -> bool:
        """What version 0.1 noted: the text of the file and the entry of ``.env``."""
        noted, content = inverse["environment"], self.environment
        entry = find_entry(content, COMPOSE_FILE)
        ours = entry is not None and entry.raw.decode("latin-1") == noted["ours"] and noted["ours"] != noted["raw"]
        environment: Content = value_put_back(content, noted) if ours else content
        text = inverse["text"]
        wanted: dict[str, Content] = {
            self._environment_path: environment if environment or noted["existed"] else None,
            self._path(CAPACITY_FILE): None if text is None else text.encode(),
        }
        differing = self._files.differing(wanted)
        self._files.put(differing)
        if text is None:
            self._records.write(None)
        return bool(differing)


def _keys(text: str | None) -> dict[Key, Any]:
    return keys_of(parse(text).get("services") or {}) if text is not None else {}
