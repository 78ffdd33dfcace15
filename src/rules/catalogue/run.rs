//! The rules for what happens on the server: build, image, run, output, quota.

super::rules! {
BLD001: Error firm, "The image can be built",
    "Build it yourself with `docker build --network none .` and correct the step that fails.",
    "A step of the Dockerfile ended with an error. The log of the build shows which command and why.";
BLD002: Error firm, "The build stays within its limits",
    "Make the step smaller: fewer files, smaller files, less memory, less output.",
    "Builds have limits of time, memory, processes, disk and log, the same for everybody.";
IMG001: Error firm, "The image says what to run",
    "End the Dockerfile with `ENTRYPOINT [\"program\", \"argument\"]`.",
    "Containers are started without arguments.";
IMG002: Error firm, "The image is for the server's platform",
    "Build for the server's platform, for example with `docker build --platform linux/amd64`.",
    "A program for another architecture cannot run.";
IMG003: Error firm, "The image has a reasonable size",
    "Start from a smaller base image, delete what is not needed in the same RUN that made it, use stages.",
    "Images are kept until the board is final.";
IMG004: Error firm, "The image has few layers",
    "Join RUN and COPY instructions.",
    "Engines fail at about 127 layers.";
IMG005: Error firm, "The image declares no volumes",
    "Remove VOLUME; if it comes with the base image, choose another base.",
    "A volume is a writable disk without a limit, even in a read-only container.";
IMG006: Error firm, "The image has no ONBUILD instructions",
    "Remove ONBUILD; if it comes with the base image, choose another base.",
    "They would run in a later build, where nobody has read them.";
IMG007: Error firm, "No environment that steers the loader, the GPU runtime or a proxy",
    "Remove the ENV instruction. For a library path, write it to /etc/ld.so.conf.d/ and RUN ldconfig.",
    "Programs of the host read these variables while they set the container up. What the base image of the organizers sets itself is accepted.";
IMG008: Advice, "The image does not ask for root",
    "Write `USER 65534` before the ENTRYPOINT.",
    "Whatever the image says, the container runs as user and group 65534.";
IMG009: Error firm, "The working directory is the image's own",
    "Use a plain absolute WORKDIR such as /app.",
    "Directories under /proc, /sys and /dev belong to the kernel and have been used to break out of containers.";
IMG010: Error firm, "Labels are small",
    "Remove the label, or shorten it.",
    "Labels may have 16 KiB in all: they are read each time that the image is looked at.";
IMG011: Error firm, "The registry holds an image that can be read",
    "Push the image with `docker push`; other things that a registry can hold are not run.",
    "Charts, signatures, models and images in the format of 2014 cannot run. What we cannot read we cannot check, so it does not pass.";
IMG012: Error firm, "All layers are in the registry",
    "Build from a base image without foreign layers, and push again.",
    "A foreign layer names an address outside the registry. Nothing is fetched from there: it could be anything, and something else tomorrow.";
IMG013: Error firm, "Layers are plain or compressed with gzip",
    "Push with `docker push`; with `docker buildx`, write `--output type=registry,compression=gzip,force-compression=true`.",
    "Layers are unpacked while they are counted and compared with their digests, in the formats that every engine reads.";
IMG014: Error firm, "The image is what its manifest says",
    "Build the image again, and push it with `docker push` under a new tag.",
    "Sizes and digests of the manifest, the configuration and the layers are compared. Where they differ, nobody knows what would run.";
IMG015: Error firm, "Layers hold plain files",
    "Remove the file in the Dockerfile step that makes it, and push again.",
    "Device files, and links in the place of /dev, /proc, /sys or /etc, have been used to break out of containers. Sparse files are small in a layer and large on the server's disk.";
IMG016: Error firm, "The image is still in the registry",
    "Push the image again, and leave it there until it has been evaluated.",
    "An image is fixed by its digest when its push is first seen. If it is deleted or cleaned up before its turn, it cannot be fetched.";
IMG017: Error firm, "The files of accounts are plain files",
    "Leave /etc/passwd and /etc/group as the base image has them, or change them with useradd and groupadd.",
    "The engine reads both itself before it starts a container: a device there would fill its memory, a pipe would keep it waiting for ever. They may have 256 KiB, and lines of 60,000 bytes.";
IMG018: Error firm, "What is mounted over is a directory, or is not there",
    "Remove it in the Dockerfile step that makes it: the directory is mounted when the container runs.",
    "Inputs, outputs, /tmp, /dev, /proc and /sys are mounted by the engine. A link or a file in such a place keeps the container from starting, or leads out of it.";
RUN001: Error firm, "The container ends without an error",
    "Run the container yourself with the command of the report, and see what it prints.",
    "The program ended with an exit code other than 0, or was ended by a signal.";
RUN002: Error firm, "The container keeps its time limit",
    "Make it faster, or process fewer things at a time; start-up and loading of weights count.",
    "Each run has a wall-clock limit, the same for everybody. A container that has not ended by then is killed.";
RUN003: Error firm, "The container keeps its memory limit",
    "Load and process one case at a time, use smaller batches, free what is no longer needed; files in /tmp and /dev/shm count as memory.",
    "A process that asks for more memory than the limit is killed by the kernel. When a helper process is killed and the program goes on without it, this is a warning.";
RUN004: Error firm, "The container can be started",
    "Check that the program of ENTRYPOINT exists in the image, is executable, has an interpreter that exists, and Unix line endings.",
    "The engine could not start the program: not found, not executable, or its interpreter is missing.";
RUN005: Advice firm, "What the program looks for is there",
    "COPY the file into the image, or correct the path.",
    "The container has the image, the inputs and an empty output directory, and nothing else of the machine that it was made on. This is read from what the program printed, so it may be wrong.",
    "open(\"/home/me/model.pt\")", "open(\"/app/model.pt\")   # COPY model.pt /app/";
RUN006: Advice firm, "The program writes only where it may",
    "Write to the output directory and /tmp only, and make what the program reads readable for everyone: `chmod -R a+rX`.",
    "The container runs as user 65534, and its root file system is read-only. Caches of libraries go to /tmp, for example with `ENV HOME=/tmp`. This is read from what the program printed, so it may be wrong.",
    "ENV TORCH_HOME=/root/.cache", "ENV TORCH_HOME=/tmp";
RUN007: Advice firm, "The program fits the hardware",
    "Load models with `map_location`, and use a GPU only where there is one: `torch.device(\"cuda\" if torch.cuda.is_available() else \"cpu\")`.",
    "The limits of the task say how many GPUs a container has; the smoke run has as many. A library that was built for another CUDA version, or without CUDA, does not find them. This is read from what the program printed, so it may be wrong.",
    "torch.load(\"model.pt\")", "torch.load(\"model.pt\", map_location=device)";
RUN008: Advice firm, "What the program needs is in the image",
    "A package: install it in the Dockerfile, from wheels in the repository, or ask for a base image that has it. A module of your own: COPY it, beside the program that imports it, with upper and lower case as written.",
    "A package of your own environment is not in the image unless a step of the build puts it there. This is read from what the program printed, so it may be wrong.",
    "import cv2   # of the machine at home", "RUN pip install --no-index --find-links /wheels opencv-python-headless==4.10.0.84";
RUN009: Advice firm, "The program needs no network",
    "Download weights before the build, and COPY them into the image. Between processes of its own a program says 127.0.0.1: the name `localhost` is not known.",
    "Containers run without a network, so that hidden data stay where they are. Libraries that fetch weights at their first use need them in the image. This is read from what the program printed, so it may be wrong.",
    "torchvision.models.resnet50(weights=\"DEFAULT\")", "model.load_state_dict(torch.load(\"/app/resnet50.pth\"))";
RUN010: Advice firm, "Shared memory is enough",
    "Use fewer or no worker processes (`num_workers=0`), or smaller batches.",
    "/dev/shm has the size that the limits of the task say; worker processes of data loaders exchange batches there. This is read from what the program printed, so it may be wrong.",
    "DataLoader(data, batch_size=64, num_workers=16)", "DataLoader(data, batch_size=8, num_workers=2)";
RUN011: Advice firm, "Weights are weights",
    "Commit the file itself: `git lfs untrack` it, `git add --renormalize` it, commit and push.",
    "A file that is stored with Git LFS arrives as a pointer of three lines of text; a program that loads it finds a `v` where a model should begin. This is read from what the program printed, so it may be wrong.";
RUN012: Advice firm, "The program stays within what it may have",
    "Write less, or in smaller pieces; start fewer processes and threads; open fewer files at a time.",
    "A container has limits of its output, of /tmp, of each file, of processes and of open files: `limits` of the task in challenge.toml says them, and `docker run` of the report sets them. This is read from what the program printed, so it may be wrong.",
    "Pool(64)", "Pool(2)";
RUN013: Advice firm, "The program starts by itself",
    "Give every argument a default, or write the arguments into ENTRYPOINT; ask nothing of the terminal.",
    "A container is started without arguments, and its standard input is empty. The environment says which task it is: REFEREE_TASK. This is read from what the program printed, so it may be wrong.",
    "parser.add_argument(\"--input\", required=True)", "parser.add_argument(\"--input\", default=\"/input\")";
OUT001: Error firm, "Every expected file is there",
    "Write one file for each case, named as the task asks.",
    "Predictions are found by their names, and only by their names.";
OUT002: Error firm, "Outputs are regular files",
    "Write the file itself; copy instead of linking.",
    "Links, pipes, sockets and devices are never read: they can point to files that are not yours.";
OUT003: Error firm, "The output keeps its size limit",
    "Write only what the task asks for, compressed if the format allows it.",
    "The output directory is a file system of fixed size.";
OUT004: Error firm, "The output has few files",
    "Write only what the task asks for; temporary files belong into /tmp.",
    "The output may hold a fixed number of files, in directories not too deep.";
OUT005: Error firm, "Names of outputs are plain",
    "Use letters, digits, `.`, `_` and `-`, at most 128 in a name.",
    "Other names can break a page or a terminal. They are not repeated here for that reason.";
OUT006: Error firm, "Something was written",
    "Write to the output directory of the task, and see that user 65534 may do so in your image.",
    "The container ended without an error, and the output directory is empty.";
OUT007: Advice, "Nothing else was written",
    "Write only what the task asks for; temporary files belong into /tmp.",
    "Files that nobody expects are not kept and not scored.";
OUT008: Error firm, "Outputs are in their format",
    "Write the file with a library for that format, and close it before the program ends.",
    "A challenge may have outputs looked at before its scorer sees them. A file of another format under the right name would only be missing values there.";
OUT009: Error firm, "Outputs have the size and the type that the task asks for",
    "Write the result in the size of its input; scale a mask back with nearest neighbour, not with interpolation.",
    "A prediction is compared with the truth value by value, so it has the size of the input, and values of a type that the scorer can read.";
OUT010: Error firm, "There is one result for each input",
    "Go through all inputs of the case, in every one of its folders, and take the name of each result from its input.",
    "Results are found by the names of their inputs. Too few, too many or shifted by one come from a loop that is not the task's.";
OUT011: Error firm, "Tables have their columns, and JSON follows its schema",
    "Write what the task describes, and compare with the truth of the public sample.",
    "The scorer looks for values under the names that the task gives them.";
OUT012: Error firm, "Outputs hold no more than can be read",
    "Write only what the task asks for, and look at how the size is computed.",
    "A header can claim any size, and a text can hold any number of values. What would not fit into memory is not read.";
OUT013: Warning, "The scorer finds values in the outputs of the sample",
    "Read what the scorer says of each case, and compare your outputs with the truth of the sample.",
    "The files are there and have the right form, but the scorer could use none of them: on hidden data every case would count as missing.";
QTA001: Error firm, "Evaluations a day",
    "Wait for the next day (UTC), and use the public sample until then.",
    "The number of evaluations on hidden data is limited, so that nobody can fit a method to them. Submissions that fail before that do not count.";
QTA002: Error firm, "Evaluations in the whole phase",
    "Nothing more can be evaluated in this phase.",
    "The number of evaluations on hidden data is limited, so that nobody can fit a method to them.";
QTA003: Error firm, "Pushes a day",
    "Wait for the next day (UTC); `referee check` tries the rules on your own machine.",
    "Every push costs the server a build and a run on the sample.";
QTA004: Advice, "Submissions under way",
    "Wait until the one before has ended, or withdraw it.",
    "A team's submissions are worked on a few at a time, so that everybody gets a turn.";
QTA005: Error, "The same files once",
    "Look at the result of the submission before, or change a file.",
    "The same commit content in the same phase would give the same result and cost an evaluation. Submissions that failed may be repeated.";
PHS001: Error firm, "The phase is open",
    "Push again while the phase is open.",
    "What counts is when the push was first seen by the server, not the date of the commit.";
}
