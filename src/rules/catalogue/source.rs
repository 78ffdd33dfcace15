//! The rules for the files of a submission: the layout of the repository, and `submission.toml`.

super::rules! {
SRC001: Error, overridable = false, "The repository has a Dockerfile",
    help: "Add a file named `Dockerfile` at the root of the repository, or name yours in submission.toml.",
    why: "A submission is a commit from which Referee builds an image. The name `Dockerfile` has a capital D and no \
        extension. Two files whose names differ only in case are ambiguous.";
SRC002: Error, overridable = false, "The Dockerfile is a regular file",
    help: "Commit the file itself, not a link to it.",
    why: "A symbolic link can point anywhere, a submodule is another repository, and a directory is not a file.";
SRC003: Error, overridable = false, "The repository has a limited size",
    help: "Remove files that the image does not need, and keep data out of the repository.",
    why: "A commit may have 20,000 files, as many directories, 2 GiB in total, 200 MiB per file, and directories \
        that are nested 32 deep.";
SRC004: Error, overridable = false, "No submodules",
    help: "Copy the files into the repository, for example with `git subtree add`.",
    why: "A submodule is only a reference to another repository. Referee does not fetch it, so its directory would \
        be empty.";
SRC005: Warning, "No Git LFS pointers",
    help: "Commit the file itself: `git lfs untrack` it, `git add --renormalize` it, commit and push.",
    why: "A file that is stored with Git LFS arrives as a pointer of three lines. This is an error if the Dockerfile \
        copies the file by name.";
SRC006: Error, overridable = false, "Symbolic links stay within the repository",
    help: "Replace the link with the file itself, or with a relative link to a file of the repository.",
    why: "A link that leads out of the repository points to nothing in the image, or to a file of another machine.";
SRC007: Error, "The template has been filled in",
    help: "Replace the placeholder with your method, and delete the comment that marks it.",
    why: "The file is identical to the template's and still contains the text `TEMPLATE:`, so there is nothing to \
        evaluate.";
SRC008: Warning, "No two names that differ only in case",
    help: "Rename one of them.",
    why: "On Windows and macOS such files overwrite each other. The pushed files may then differ from those that you \
        tested.";
SRC009: Error, overridable = false, "File names are plain",
    help: "Rename the file. Names must have no control characters, no invalid UTF-8 and no component named `.git`.",
    why: "Such names break tools and terminals. Attackers have used `.git` in a tree to run commands on checkout.";
SRC010: Warning, "Scripts can be started",
    help: "Save the script with Unix line endings (`git config core.autocrlf input`), and make it executable (`git \
        update-index --chmod=+x`).",
    why: "With Windows line endings, the kernel looks for an interpreter whose name ends in a carriage return, and \
        reports \"no such file or directory\". Without the executable bit, it reports \"permission denied\". This is \
        an error for the script that the image starts.",
    wrong: "#!/bin/sh^M",
    right: "#!/bin/sh";
SRC011: Error, "The sources of COPY are in the repository",
    help: "Commit the file, or correct its name. Names are case-sensitive.",
    why: "A COPY without a source fails the build. Files that exist only on your disk (see .gitignore) are not part \
        of a commit.";
SRC012: Error, overridable = false, ".dockerignore is valid",
    help: "Correct the line. Docker's documentation describes the patterns of `.dockerignore`.",
    why: "The file lists the paths that the build leaves out. An invalid pattern would leave out other files here \
    than on your \
        machine. The file may have 1,000 patterns, and fewer in a repository with very many files.",
    wrong: "data[",
    right: "data*";
SRC013: Error, overridable = false, "The commit is still in the repository",
    help: "Push the commit again, and keep it until the report of the submission is complete.",
    why: "A forced push can replace a commit, and deleting its branch or tag can remove it, before Referee has read \
        it.";
SUB001: Error, overridable = false, "submission.toml is valid TOML",
    help: "Correct the line. Strings need double quotes, and lists need square brackets.",
    why: "Referee cannot find out from an invalid file which tasks you enter.",
    wrong: "tasks = [\"segmentation\"",
    right: "tasks = [\"segmentation\"]";
SUB002: Error, overridable = false, "submission.toml has no unknown keys",
    help: "Delete the line. The keys are: tasks, dockerfile, dockerfiles, title, authors, description.",
    why: "If Referee ignored an unknown key, you would expect an effect that never comes. The organizers set limits, \
        commands, mounts and the network, and they are the same for all teams.",
    wrong: "memory = \"64GiB\"",
    right: "tasks = [\"segmentation\"]";
SUB003: Error, overridable = false, "Tasks are those of the challenge",
    help: "Use the task names of the challenge.",
    why: "A submission enters existing tasks. An empty list enters nothing.",
    wrong: "tasks = [\"segmentaton\"]",
    right: "tasks = [\"segmentation\"]";
SUB004: Error, overridable = false, "Values have the right type",
    help: "Write it as shown.",
    why: "`tasks` and `authors` are lists of strings, `dockerfiles` is a table of strings, and all other values are \
        strings.",
    wrong: "tasks = \"segmentation\"",
    right: "tasks = [\"segmentation\"]";
SUB005: Error, overridable = false, "Paths stay within the repository",
    help: "Write the path from the root of the repository, with `/` and without `..`.",
    why: "Only files of the commit can be used.",
    wrong: "dockerfile = \"../Dockerfile\"",
    right: "dockerfile = \"docker/Dockerfile\"";
}
