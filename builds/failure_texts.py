"""Title, cause and advice for every code of `builds.failures.CATALOGUE`."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from core.failure_texts import FailureText, render
from pulls.failure_texts import STAND_INS as PULL_STAND_INS
from pulls.failure_texts import TEXTS as PULL_TEXTS

STAND_INS = {
    **PULL_STAND_INS,
    "base": _("its name is in the evidence"),
    "command": _("a command"),
    "exit": _("another number than 0"),
    "limit": _("what is allowed"),
    "line": _("unknown"),
    "path": _("a file"),
    "paths": _("not recorded"),
    "size": _("too much"),
    "digest": _("another digest"),
    "reference": _("this name"),
}

_SOURCE: Mapping[str, FailureText] = {
    "git_unreachable": FailureText(
        _("Git server cannot be reached"),
        _("The git server of the application did not answer, or the connection to it broke."),
        _(
            "The build tries again by itself. If it stays so, check the address of the repository and the network "
            "between this server and the git server."
        ),
    ),
    "git_unauthorised": FailureText(
        _("Git server refuses access"),
        _("The git server did not accept the user name and password of the application, or it wants some."),
        _("Enter a user name and an access token that may read the repository; a token may have expired."),
    ),
    "git_repository_missing": FailureText(
        _("Git repository not found"),
        _("There is no repository at this address, or the account may not see it."),
        _("Check the address of the repository, and whether the account of the application may read it."),
    ),
    "git_branch_missing": FailureText(
        _("Git branch not found"),
        _("The repository has no branch of this name; it may have been deleted."),
        _("Correct the branch of the application, or push the branch again."),
    ),
    "git_path_missing": FailureText(
        _("Folder not in the repository"),
        _("The commit has no folder at the path of the application."),
        _("Correct the path of the application, for example src/jupyter-pytorch-x, or push the folder."),
    ),
    "git_commit_missing": FailureText(
        _("Git commit not found"),
        _("The repository no longer has this commit; the branch may have been rewritten."),
        _("Start a new build: it takes the newest commit of the branch."),
    ),
    "git_too_large": FailureText(
        _("Git repository is too large"),
        _("Reading the commit would take more than this server fetches of a repository."),
        _("Remove large files from the repository, or raise IMAGELIB_GIT_MAX_MB."),
    ),
    "git_too_slow": FailureText(
        _("Git server is too slow"),
        _("Reading the commit took longer than %(limit)s seconds."),
        _("Try again later, or use a git server that is nearer."),
    ),
    "git_url_invalid": FailureText(
        _("Address of the repository is not valid"),
        _("The address of the git repository cannot be used."),
        _("Write it as https://git.example.com/team/images.git, without user name and password."),
    ),
    "git_unsafe_path": FailureText(
        _("File with an unsafe path in the repository"),
        _("The repository holds a file or link that may not be part of a build: %(path)s."),
        _("Remove or rename it, and push again."),
    ),
    "git_submodule": FailureText(
        _("Submodule in the folder"),
        _("The folder of the application holds a git submodule, which is not fetched: %(path)s."),
        _("Copy its files into the repository, or fetch them in a step of the Dockerfile."),
    ),
    "git_bad_answer": FailureText(
        _("Answer is not a git server's"),
        _("Something answers at the address of the repository, but not in the way a git server does."),
        _("Check the address: it must be the one for cloning over HTTP, not that of a web page."),
    ),
    "application_gone": FailureText(
        _("Application was deleted"),
        _("The application, or the version of its files that was to be built, does not exist any more."),
        _("Create the application again, or build another one."),
    ),
    "source_changed": FailureText(
        _("Git server was changed"),
        _(
            "The application moved to another git server after this build was asked for. Its login is for the new one "
            "and is not sent to the old one."
        ),
        _("Start a new build: it takes the files from where they are now."),
    ),
    "context_too_large": FailureText(
        _("Files of the build are too large"),
        _("The files to be sent have %(size)s, but %(limit)s is the limit. The largest: %(paths)s."),
        _(
            "Leave files out with a .dockerignore, or download them in a step of the Dockerfile. An operator can raise "
            "IMAGELIB_BUILD_CONTEXT_MAX_MB."
        ),
    ),
    "context_unsafe": FailureText(
        _("File with an unsafe path"),
        _("The path %(path)s leads out of the folder, or holds characters that are not allowed."),
        _("Rename the file; paths are relative, for example conf/app.yaml."),
    ),
    "context_link_outside": FailureText(
        _("Link out of the folder"),
        _("The symbolic link %(path)s leads out of the folder that is built."),
        _("Replace the link by the file itself, or leave it out with a .dockerignore."),
    ),
    "dockerfile_missing": FailureText(
        _("No Dockerfile"),
        _("There is no Dockerfile in the folder of the application."),
        _("Add a file with the name Dockerfile at the top of the folder; with git, check the path of the application."),
    ),
    "dockerfile_invalid": FailureText(
        _("Dockerfile is not valid"),
        _("The builder does not understand the Dockerfile (line: %(line)s)."),
        _(
            "Correct the line that the evidence names. Instructions are written as in RUN, COPY or ENV; a line that "
            "looks right may have a character in it that is not shown (U+…), then type it anew."
        ),
    ),
    "heredoc_unknown": FailureText(
        _("Builder does not know here-documents"),
        _("Line %(line)s belongs to a here-document (<<), and the builder of this node reads it as an instruction."),
        _(
            "Write # syntax=docker/dockerfile:1 in the first line, build on a node with a newer Docker (from 23 on), "
            "or do without the here-document."
        ),
    ),
}

_BUILD: Mapping[str, FailureText] = {
    "no_builder": FailureText(
        _("No node to build on"),
        _("No listed compute node can build now."),
        _("Give a listed compute node the label “builder”, or test the connection of the nodes in Compute nodes."),
    ),
    "base_name_invalid": FailureText(
        _("A FROM line names no image"),
        _(
            "What a FROM line or --from of the Dockerfile gives is no name of an image (%(base)s). Mostly a variable "
            "in it is empty, or not declared with ARG before the first FROM."
        ),
        _(
            "Declare each variable of a FROM line with ARG before the first FROM, and see that none is empty: an empty "
            "namespace leaves two slashes. Names are written as in registry.example.com/team/base:1."
        ),
    ),
    "base_image_missing": FailureText(
        _("Base image not found"),
        _("An image that the Dockerfile starts from, or copies from, does not exist: %(base)s."),
        _("Check registry, name and tag of the base image, and the FROM lines of the Dockerfile."),
    ),
    "base_image_denied": FailureText(
        _("No access to the base image"),
        _(
            "An image that the Dockerfile needs (%(base)s) does not exist, or it is private and no sufficient "
            "credentials were sent."
        ),
        _(
            "First check the spelling. Stored credentials are used for operators, and for others when every image of "
            "that registry in the Dockerfile is listed in the image library; store them in Registry endpoints."
        ),
    ),
    "copy_source_missing": FailureText(
        _("File to copy not found"),
        _("A COPY or ADD line names a file that is not in the folder, or that .dockerignore leaves out."),
        _("Correct the path; it begins at the folder of the Dockerfile. Look into .dockerignore, too."),
    ),
    "build_step_failed": FailureText(
        _("A step of the Dockerfile failed"),
        _("The command “%(command)s” ended with exit code %(exit)s."),
        _("Read the last lines of the log: they are the command's own. Correct the step and build again."),
    ),
    "build_step_killed": FailureText(
        _("A step of the Dockerfile was killed"),
        _("The command “%(command)s” was ended by force, which mostly means that it used more memory than it may."),
        _(
            "Let the step use less memory (for example fewer parallel jobs), or have an operator raise "
            "IMAGELIB_BUILD_MEMORY_GB or choose a larger node."
        ),
    ),
    "build_step_not_started": FailureText(
        _("A step could not be started"),
        _("The node could not run a command of the Dockerfile in the image."),
        _(
            "Read the evidence: the image may have no shell (such as scratch or distroless images), or be made for "
            "another platform than the node's."
        ),
    ),
    "buildkit_needed": FailureText(
        _("Dockerfile needs BuildKit"),
        _("The Dockerfile or its base image uses something that only BuildKit can do, and BuildKit was not available."),
        _("Build on a node with a newer Docker, or do without RUN --mount and other options of BuildKit."),
    ),
    "buildkit_not_allowed": FailureText(
        _("Dockerfile needs BuildKit, which may not build here"),
        _(
            "The Dockerfile uses something that only BuildKit can do. BuildKit takes no limits of memory and "
            "processors, so operators have switched it off for builds."
        ),
        _(
            "Do without RUN --mount, here-documents, a syntax line and other options of BuildKit, or ask an operator "
            "about IMAGELIB_BUILD_CLASSIC_ONLY."
        ),
    ),
    "build_secret_missing": FailureText(
        _("Build secret missing"),
        _("A step asks for a secret that the application does not have."),
        _("Add the secret under the same name to the application, or correct the id in RUN --mount=type=secret."),
    ),
    "build_stalled": FailureText(
        _("Build made no progress"),
        _("Builder and engine said nothing for %(seconds)s seconds, so the attempt was ended."),
        _(
            "If a step is silent for that long, let it write something, or have an operator raise "
            "IMAGELIB_BUILD_STALL_AFTER. Otherwise look at the node."
        ),
    ),
    "engine_ended": FailureText(
        _("Engine ended during the build"),
        _("Docker on the node ended while it built the image, and did not answer any more."),
        _(
            "Find out on the node why it ended (journalctl -u docker) and start it. As the build itself may have been "
            "the reason, it is not tried again by itself: press retry if it was not."
        ),
    ),
    "image_absent_after_build": FailureText(
        _("Image absent after the build"),
        _("The engine reported success, but the image is not on the node."),
        _("Build again. If it stays so, look for something on the node that removes images at once."),
    ),
    "image_name_moved": FailureText(
        _("Image's name went to another image"),
        _("Before the image could be pushed, something else on the node took its name. Nothing was pushed."),
        _(
            "The build tries again by itself. Give applications whose images would have the same name suffixes of "
            "their own."
        ),
    ),
}

_PUSH: Mapping[str, FailureText] = {
    "target_not_allowed": FailureText(
        _("Users may not push there"),
        _("%(reference)s is where the owner of the application may not push. It may have been allowed before."),
        _(
            "Give the application a namespace that its owner may push to, or ask an operator to name this one under "
            "Registry endpoints, “users may push to”."
        ),
    ),
    "tag_taken": FailureText(
        _("Tag exists with another image"),
        _(
            "%(reference)s is already in the registry, with the digest %(digest)s, and was not built from this "
            "revision."
        ),
        _(
            "Tags of builds never move. Give the application a suffix or a target namespace of its own, or delete the "
            "tag in the registry if nobody needs it."
        ),
    ),
    "tag_of_other_recipe": FailureText(
        _("Tag exists from another base or folder"),
        _(
            "%(reference)s is already in the registry, with the digest %(digest)s. It was built from this revision, "
            "but from another base registry, base namespace or folder, or it does not say from which."
        ),
        _(
            "Tags of builds never move. Change a file or the base tag, or give the application another suffix or "
            "target namespace, so that the image gets a name of its own; or delete the tag in the registry if nobody "
            "needs it."
        ),
    ),
    "push_unauthorized": FailureText(
        _("Registry refuses the login"),
        _("The image was built, but %(host)s did not accept the stored login, or there is none."),
        _("Enter user name and password of an account that may push in Registry endpoints, then retry."),
    ),
    "push_denied": FailureText(
        _("No right to push"),
        _("The image was built, but the account may not push to this place at %(host)s."),
        _("Check the target namespace, and have the account given the right to push; then retry."),
    ),
    "push_repository_missing": FailureText(
        _("Target repository does not exist"),
        _("The image was built, but %(host)s has no such project or repository and creates none."),
        _("Create the project or repository in the registry, or correct the target namespace; then retry."),
    ),
    "push_tag_immutable": FailureText(
        _("Registry does not let the tag change"),
        _("The image was built, but the registry has this tag already and lets nobody replace it."),
        _("Change the files or commit anew, so that the image gets another tag, or delete the tag in the registry."),
    ),
    "push_quota_exceeded": FailureText(
        _("Registry has no space left"),
        _("The image was built, but it would exceed the quota of the registry."),
        _("Delete old images in the registry or raise its quota; then retry."),
    ),
    "push_too_large": FailureText(
        _("A layer is too large for the registry"),
        _("The image was built, but the registry, or a proxy before it, refuses a layer of this size."),
        _("Raise the limit of the proxy (client_max_body_size of nginx), or make the layers smaller."),
    ),
    "push_mismatch": FailureText(
        _("Registry shows another image"),
        _("The push went well, but afterwards the registry shows another digest under this tag, or none."),
        _(
            "Retry. If it stays so, somebody else pushes the same tag, or the registry is a mirror that lags behind: "
            "compare the digests in the evidence."
        ),
    ),
}

# What pulls say in words of theirs.
_COMMON: Mapping[str, FailureText] = {
    "engine_restarted": FailureText(
        _("Engine stopped during the build"),
        _("Docker, or the containerd below it, was stopped or restarted while it built or pushed the image."),
        _(
            "If that was planned, nothing needs doing: the build tries again by itself. Otherwise find out why it "
            "stopped (journalctl -u docker -u containerd)."
        ),
    ),
    "node_gone": FailureText(
        _("Node was deleted"),
        _("The node that was to build the image does not exist any more."),
        _("Build on another node."),
    ),
    "node_not_listed": FailureText(
        _("Node is not listed"),
        _("The node is not on the list, so only operators may build on it."),
        _("Choose another node, or ask an operator to list this one in Compute nodes."),
    ),
    "cancelled": FailureText(
        _("Build was cancelled"),
        _("The build was cancelled on request."),
        _("Start it again if the image is still wanted."),
    ),
    "worker_lost": FailureText(
        _("Worker fell silent"),
        _("The worker process that carried out the build was not heard of any more."),
        _(
            "Find out why it ended (memory, restart, power) and start it again; “manage.py doctor” shows which "
            "workers are alive. Press retry if the build does not go on by itself."
        ),
    ),
    "database_away": FailureText(
        _("Database was not available"),
        _("The database could not be reached while the build was running."),
        _(
            "The build tries again by itself. If the database stays away, check it and IMAGELIB_DATABASE_URL; "
            "“manage.py doctor” helps."
        ),
    ),
}

OWN: Mapping[str, FailureText] = {**_SOURCE, **_BUILD, **_PUSH}
TEXTS: Mapping[str, FailureText] = {**PULL_TEXTS, **OWN, **_COMMON}


def describe(code: str, params: Mapping[str, object] | None = None) -> FailureText:
    """Title, cause and advice for a code of the catalogue, as plain strings in the active language."""
    return render(TEXTS, code, params, stand_ins=STAND_INS)


def in_documents(code: str) -> FailureText:
    """The same as the general document has it: where pulls know the code too, in their words."""
    return render({**TEXTS, **PULL_TEXTS}, code, stand_ins=STAND_INS)
