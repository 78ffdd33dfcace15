//! The rules for everything that happens on the server: build, image, run, output, quota and phase.

super::rules! {
BLD001: Error, overridable = false, "The image can be built",
    help: "Build it locally with `docker build --network none .`, and correct the step that fails.",
    why: "A step of the Dockerfile ended with an error. The build log shows which command failed, and why.";
BLD002: Error, overridable = false, "The build stays within its limits",
    help: "Make the step smaller: fewer files, smaller files, less memory or less output.",
    why: "Builds have limits for time, memory, processes, disk and log. They are the same for all teams.";
IMG001: Error, overridable = false, "The image names the program to run",
    help: "End the Dockerfile with `ENTRYPOINT [\"program\", \"argument\"]`.",
    why: "Referee starts containers without arguments.";
IMG002: Error, overridable = false, "The image is for the server's platform",
    help: "Build for the server's platform, for example with `docker build --platform linux/amd64`.",
    why: "A program for another architecture cannot run.";
IMG003: Error, overridable = false, "The image has a limited size",
    help: "Start from a smaller base image, delete temporary files in the RUN that creates them, or use several \
        stages.",
    why: "Every image takes space on the server's disk. Referee keeps it unless its submission is withdrawn.";
IMG004: Error, overridable = false, "The image has few layers",
    help: "Join RUN and COPY instructions.",
    why: "Engines fail at about 127 layers.";
IMG005: Error, overridable = false, "The image declares no volumes",
    help: "Remove VOLUME. If it comes from the base image, choose another base image.",
    why: "A volume is a writable disk without a limit, even in a read-only container.";
IMG006: Error, overridable = false, "The image has no ONBUILD instructions",
    help: "Remove ONBUILD. If it comes from the base image, choose another base image.",
    why: "These instructions would run in a later build, where Referee does not check them.";
IMG007: Error, overridable = false, "No environment that controls the loader, the GPU runtime or a proxy",
    help: "Remove the ENV instruction. To add a library path, write it to /etc/ld.so.conf.d/ and RUN ldconfig.",
    why: "Programs of the host read these variables when they set up the container. Variables that the organizers' \
        base image sets are accepted.";
IMG008: Advice, "The image does not ask for root",
    help: "Write `USER 65534` before the ENTRYPOINT.",
    why: "The container always runs as user and group 65534.";
IMG009: Error, overridable = false, "The working directory is inside the image",
    help: "Use a plain absolute WORKDIR such as /app.",
    why: "Directories under /proc, /sys and /dev belong to the kernel, and attackers have used them to escape from \
        containers.";
IMG010: Error, overridable = false, "Labels are small",
    help: "Remove the label, or shorten it.",
    why: "All labels together may have 16 KiB, because the engine reads them at every inspection of the image.";
IMG011: Error, overridable = false, "The registry has a readable image",
    help: "Push the image with `docker push`. Referee does not run the other objects that a registry can hold.",
    why: "Charts, signatures, models and images in the outdated manifest format (schema 1) cannot run. Referee refuses \
          images that it cannot read, because it cannot check them.";
IMG012: Error, overridable = false, "All layers are in the registry",
    help: "Build from a base image without foreign layers, and push again.",
    why: "A foreign layer names an address outside the registry. Referee fetches nothing from there, because its \
        content is unchecked and may change.";
IMG013: Error, overridable = false, "Layers are uncompressed or compressed with gzip",
    help: "Push with `docker push`. With `docker buildx`, write `--output \
        type=registry,compression=gzip,force-compression=true`.",
    why: "Referee unpacks layers to measure them and to compare their digests. It uses the formats that every engine \
        reads.";
IMG014: Error, overridable = false, "The image matches its manifest",
    help: "Build the image again, and push it with `docker push` under a new tag.",
    why: "Referee compares the sizes and digests of the manifest, the configuration and the layers. If they differ, \
        the content of the image is uncertain.";
IMG015: Error, overridable = false, "Layers contain plain files",
    help: "Remove the file in the Dockerfile step that creates it, and push again.",
    why: "Attackers have used device files, and links at /dev, /proc, /sys or /etc, to escape from containers. \
        Sparse files are small in a layer and large on the server's disk.";
IMG016: Error, overridable = false, "The image is still in the registry",
    help: "Push the image again, and keep it in the registry until it has been evaluated.",
    why: "Referee fixes an image by its digest when it first sees the push. It cannot fetch an image that is deleted \
        before its turn.";
IMG017: Error, overridable = false, "/etc/passwd and /etc/group are regular files",
    help: "Leave /etc/passwd and /etc/group as the base image has them, or change them with useradd and groupadd.",
    why: "The engine reads both files before it starts a container. A device would fill its memory, and a pipe would \
        block it. Each file may have 256 KiB, and lines of 60,000 bytes.";
IMG018: Error, overridable = false, "Mount points are directories or absent",
    help: "Remove the path in the Dockerfile step that creates it. The engine mounts the directory when the \
        container runs.",
    why: "The engine mounts inputs, outputs, /tmp, /dev, /proc and /sys. A link or a file at such a path prevents \
        the start of the container, or leads out of it.";
RUN001: Error, overridable = false, "The container ends without an error",
    help: "Run the container locally with the command of the report, and read its output.",
    why: "The program ended with an exit code other than 0, or a signal ended it.";
RUN002: Error, overridable = false, "The container stays within its time limit",
    help: "Make the program faster, or process less data at a time. Start-up and loading of model weights count.",
    why: "Each run has a wall-clock limit, which is the same for all teams. Referee kills a container that exceeds \
        it.";
RUN003: Error, overridable = false, "The container stays within its memory limit",
    help: "Load and process one case at a time, use smaller batches, and free memory early. Files in /tmp and \
        /dev/shm count as memory.",
    why: "The kernel kills a process that exceeds the memory limit. If the kernel kills a child process and the \
        program continues without it, this is a warning.";
RUN004: Error, overridable = false, "The container can be started",
    help: "Check that the program of ENTRYPOINT exists in the image, is executable, has Unix line endings, and names \
        an interpreter that exists.",
    why: "The engine could not start the program: it or its interpreter is missing, or it is not executable.";
RUN005: Advice, overridable = false, "The files of the program exist",
    help: "COPY the file into the image, or correct the path.",
    why: "The container has the image, the inputs and an empty output directory, but no other files of your machine. \
        Referee derives this advice from the program's output, so it may be wrong.",
    wrong: "open(\"/home/me/model.pt\")",
    right: "open(\"/app/model.pt\")   # COPY model.pt /app/";
RUN006: Advice, overridable = false, "The program writes only to allowed directories",
    help: "Write only to the output directory and /tmp, and make the files of the program readable for all users: \
        `chmod -R a+rX`.",
    why: "The container runs as user 65534, and its root file system is read-only. Libraries can cache in /tmp, for \
        example with `ENV HOME=/tmp`. Referee derives this advice from the program's output, so it may be wrong.",
    wrong: "ENV TORCH_HOME=/root/.cache",
    right: "ENV TORCH_HOME=/tmp";
RUN007: Advice, overridable = false, "The program fits the hardware",
    help: "Load models with `map_location`, and use a GPU only if there is one: `torch.device(\"cuda\" if \
        torch.cuda.is_available() else \"cpu\")`.",
    why: "The limits of the task set the number of GPUs, and the smoke run has the same number. A library that was \
        built for another CUDA version, or without CUDA, does not find them. Referee derives this advice from the \
        program's output, so it may be wrong.",
    wrong: "torch.load(\"model.pt\")",
    right: "torch.load(\"model.pt\", map_location=device)";
RUN008: Advice, overridable = false, "The packages of the program are in the image",
    help: "Install a package in the Dockerfile from wheels in the repository, or ask for a base image that has it. \
        COPY your own module beside the program that imports it, with the same upper and lower case.",
    why: "A package of your own environment is in the image only if a build step installs it. Referee derives this \
        advice from the program's output, so it may be wrong.",
    wrong: "import cv2   # installed on your machine only",
    right: "RUN pip install --no-index --find-links /wheels opencv-python-headless==4.10.0.84";
RUN009: Advice, overridable = false, "The program needs no network",
    help: "Download model weights before the build, and COPY them into the image. Use 127.0.0.1 between processes of \
        the program: the name `localhost` does not resolve.",
    why: "Containers run without a network to protect hidden data. Libraries that download model weights at their \
        first use need them in the image. Referee derives this advice from the program's output, so it may be \
        wrong.",
    wrong: "torchvision.models.resnet50(weights=\"DEFAULT\")",
    right: "model.load_state_dict(torch.load(\"/app/resnet50.pth\"))";
RUN010: Advice, overridable = false, "Shared memory is sufficient",
    help: "Use fewer or no worker processes (`num_workers=0`), or smaller batches.",
    why: "The limits of the task set the size of /dev/shm. Worker processes of data loaders exchange batches there. \
        Referee derives this advice from the program's output, so it may be wrong.",
    wrong: "DataLoader(data, batch_size=64, num_workers=16)",
    right: "DataLoader(data, batch_size=8, num_workers=2)";
RUN011: Advice, overridable = false, "Model weights are not Git LFS pointers",
    help: "Commit the file itself: `git lfs untrack` it, `git add --renormalize` it, commit and push.",
    why: "A file that is stored with Git LFS arrives as a pointer of three lines of text. A program that loads the \
        pointer reads text instead of a model. Referee derives this advice from the program's output, so it may be \
        wrong.";
RUN012: Advice, overridable = false, "The program stays within the limits of the container",
    help: "Write less, or in smaller parts. Start fewer processes and threads, and open fewer files at a time.",
    why: "A container has limits for its output, /tmp, each file, processes and open files. `limits` of the task in \
        challenge.toml sets them, and the `docker run` of the report applies them. Referee derives this advice from \
        the program's output, so it may be wrong.",
    wrong: "Pool(64)",
    right: "Pool(2)";
RUN013: Advice, overridable = false, "The program starts without arguments and input",
    help: "Give every argument a default, or write the arguments into ENTRYPOINT. Do not read from the terminal.",
    why: "Referee starts a container without arguments and with an empty standard input. The environment variable \
        REFEREE_TASK names the task. Referee derives this advice from the program's output, so it may be wrong.",
    wrong: "parser.add_argument(\"--input\", required=True)",
    right: "parser.add_argument(\"--input\", default=\"/input\")";
OUT001: Error, overridable = false, "Every expected file exists",
    help: "Write one file for each case, with the name that the task requires.",
    why: "Referee finds predictions only by their names.";
OUT002: Error, overridable = false, "Outputs are regular files",
    help: "Write the file itself. Copy files instead of linking them.",
    why: "Referee never reads links, pipes, sockets and devices, because they can point to files of other users.";
OUT003: Error, overridable = false, "The output stays within its size limit",
    help: "Write only what the task requires, and compress it if the format allows that.",
    why: "The output directory is a file system of fixed size.";
OUT004: Error, overridable = false, "The output has few files",
    help: "Write only what the task requires. Write temporary files to /tmp.",
    why: "The number of files in the output and the depth of its directories are limited.";
OUT005: Error, overridable = false, "Names of outputs are plain",
    help: "Use letters, digits, `.`, `_` and `-`, with at most 128 characters per name.",
    why: "Other names can break a page or a terminal. For the same reason, Referee does not show them here.";
OUT006: Error, overridable = false, "The container writes an output",
    help: "Write to the output directory of the task, and check that user 65534 may write there in your image.",
    why: "The container ended without an error, but the output directory is empty.";
OUT007: Advice, "The output has no unexpected files",
    help: "Write only what the task requires. Write temporary files to /tmp.",
    why: "Referee does not keep or score unexpected files.";
OUT008: Error, overridable = false, "Outputs have the required format",
    help: "Write the file with a library for that format, and close it before the program ends.",
    why: "A challenge can check outputs before its scorer reads them. The scorer would only find missing values in a \
        file of another format.";
OUT009: Error, overridable = false, "Outputs have the required size and type",
    help: "Write the result in the size of its input. Scale a mask back with nearest neighbour, not with \
        interpolation.",
    why: "The scorer compares a prediction with the ground truth value by value. It therefore must have the size of \
        the input, and values of a type that the scorer reads.";
OUT010: Error, overridable = false, "There is one result for each input",
    help: "Process all inputs of the case, in each of its folders, and derive the name of each result from its \
        input.",
    why: "The scorer finds results by the names of their inputs. Too few, too many or shifted results often mean that \
        the program counts, instead of using the names of its inputs.";
OUT011: Error, overridable = false, "Tables have their columns, and JSON follows its schema",
    help: "Follow the description of the task, and compare your output with the ground truth of the public sample.",
    why: "The scorer looks for values under the names that the task defines.";
OUT012: Error, overridable = false, "Outputs have a limited content",
    help: "Write only what the task requires, and check how the program computes the size.",
    why: "A header can claim any size, and a text can hold any number of values. Referee does not read content that \
        would not fit into memory.";
OUT013: Warning, "The scorer finds values in the outputs of the sample",
    help: "Read the scorer's message for each case, and compare your outputs with the ground truth of the sample.",
    why: "The files exist and have the right form, but the scorer could use none of them. On hidden data, every case \
        would count as missing.";
OUT014: Error, overridable = false, "Volumes lie in the space of their inputs",
    help: "Write the volume with the affine of its input, for example `nib.Nifti1Image(mask, input.affine)`, or copy \
        spacing, origin and direction from the input with SimpleITK's `CopyInformation`.",
    why: "The scorer compares voxels by their position in the patient, or measures distances in millimetres. A volume \
        without the space of its input is compared with the wrong voxels.";
QTA001: Error, overridable = false, "Evaluations per day",
    help: "Wait for the next day (UTC), and use the public sample until then.",
    why: "The number of evaluations on hidden data is limited to prevent overfitting. Submissions that fail earlier \
        do not count.";
QTA002: Error, overridable = false, "Evaluations per phase",
    help: "Your team cannot evaluate more submissions in this phase.",
    why: "The number of evaluations on hidden data is limited to prevent overfitting.";
QTA003: Error, overridable = false, "Submissions per day",
    help: "Wait for the next day (UTC). `referee check` tests the rules locally.",
    why: "Every submission costs the server a build and a run on the sample.";
QTA004: Advice, "Submissions in progress",
    help: "Wait until the earlier submission has ended, or withdraw it.",
    why: "Referee processes only a few submissions of a team at a time, so that every team gets its turn.";
QTA005: Error, "No duplicate submissions",
    help: "Look at the result of the earlier submission, or change a file.",
    why: "The same content in the same phase would give the same result and use another evaluation. A submission \
        that failed may be repeated.";
PHS001: Error, overridable = false, "The phase is open",
    help: "Push again while the phase is open.",
    why: "The time when the server first sees the push counts, not the date of the commit.";
PHS002: Error, overridable = false, "The team is not disqualified",
    help: "Ask the organizers. They can revert the disqualification; push a new commit after that.",
    why: "A disqualified team is not ranked, so Referee does not evaluate its submissions.";
}
