//! The rules for the files of a submission: the layout of the repository and `submission.toml`.

super::rules! {
SRC001: Error firm, "There is a file named Dockerfile",
    "Add a file named `Dockerfile` at the root of the repository, or name yours in submission.toml.",
    "A submission is a commit from which an image can be built. The name is written with a capital D and has no extension; two files whose names differ only in case cannot both be meant.";
SRC002: Error firm, "The Dockerfile is a regular file",
    "Commit the file itself, not a link to it.",
    "A symbolic link can point anywhere, a submodule is another repository, and a directory is no file.";
SRC003: Error firm, "The repository has a reasonable size",
    "Remove what the image does not need; keep data out of the repository.",
    "A commit may have 20,000 files and as many directories, 2 GiB in all, 200 MiB in one file, and directories 32 deep.";
SRC004: Error firm, "No submodules",
    "Copy the files into the repository, for example with `git subtree add`.",
    "A submodule is only a pointer to another repository; it is not fetched, so its directory would be empty.";
SRC005: Warning, "No Git LFS pointers",
    "Commit the file itself: `git lfs untrack` it, `git add --renormalize` it, commit and push.",
    "Files that are stored with Git LFS arrive here as a pointer of three lines. It is an error for a file that the Dockerfile copies by name.";
SRC006: Error firm, "Symbolic links stay within the repository",
    "Replace the link by the file itself, or by a relative link to a file of the repository.",
    "A link that leads out of the repository points to nothing in the image, or to a file of another machine.";
SRC007: Error, "The template has been filled in",
    "Replace the placeholder by your method, and delete the comment that marks it.",
    "The file is byte for byte the template's and still carries the mark `TEMPLATE:`, so there is nothing to evaluate.";
SRC008: Warning, "No two names that differ only in case",
    "Rename one of them.",
    "On Windows and macOS such files overwrite each other, so that what you have tried is not what was pushed.";
SRC009: Error firm, "File names are plain",
    "Rename it: no control characters, no invalid UTF-8, no component named `.git`.",
    "Such names break tools and terminals, and `.git` in a tree has been used to run commands on checkout.";
SRC010: Warning, "Scripts can be started",
    "Save the script with Unix line endings (`git config core.autocrlf input`), and make it executable (`git update-index --chmod=+x`).",
    "With Windows line endings the kernel looks for an interpreter whose name ends in a carriage return and says \"no such file or directory\"; without the executable bit it says \"permission denied\". It is an error for the script that the image starts.",
    "#!/bin/sh^M", "#!/bin/sh";
SRC011: Error, "What COPY names is in the repository",
    "Commit the file, or correct its name; names are case-sensitive.",
    "A COPY whose source does not exist ends the build. Files that are only on your disk (see .gitignore) are not part of a commit.";
SRC012: Error firm, ".dockerignore can be read",
    "Correct the line; patterns are those of `.dockerignore` in Docker's documentation.",
    "The file says what is left out of the build. A pattern that cannot be read would leave out other files here than on your machine. It may have 1,000 patterns; a repository with very many files may have fewer.",
    "data[", "data*";
SRC013: Error firm, "The commit is still there",
    "Push the commit again and leave it until its verdict is there.",
    "A commit that was replaced by a forced push, or whose branch or tag was deleted, may be gone before it could be read.";
SUB001: Error firm, "submission.toml is valid TOML",
    "Correct the line; strings stand in double quotes, lists in square brackets.",
    "A file that cannot be read cannot say which tasks you enter.",
    "tasks = [\"segmentation\"", "tasks = [\"segmentation\"]";
SUB002: Error firm, "submission.toml has no unknown keys",
    "Delete the line. The keys are: tasks, dockerfile, dockerfiles, title, authors, description.",
    "A key that is silently ignored would be a wish silently not granted. Limits, commands, mounts and the network are set by the organizers, the same for everybody.",
    "memory = \"64GiB\"", "tasks = [\"segmentation\"]";
SUB003: Error firm, "Tasks are those of the challenge",
    "Use one of the names that the challenge gives its tasks.",
    "A submission is made for tasks that exist; an empty list enters nothing.",
    "tasks = [\"segmentaton\"]", "tasks = [\"segmentation\"]";
SUB004: Error firm, "Values are of the right kind",
    "Write it as shown.",
    "`tasks` and `authors` are lists of strings, `dockerfiles` is a table of strings, everything else is a string.",
    "tasks = \"segmentation\"", "tasks = [\"segmentation\"]";
SUB005: Error firm, "Paths stay within the repository",
    "Give the path from the root of the repository, with `/`, without `..`.",
    "Only files of the commit can be used.",
    "dockerfile = \"../Dockerfile\"", "dockerfile = \"docker/Dockerfile\"";
}
