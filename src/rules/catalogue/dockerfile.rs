//! The rules for Dockerfiles. The numbers are stable: a retired one is never given away again.

super::rules! {
DF001: Error firm, "A Dockerfile is a small, plain text file",
    "Save it as UTF-8 without a byte order mark, and remove the character.",
    "Programs disagree about control characters, byte order marks, invisible and exotic blanks: what one shows as a comment, another runs. The file may have 64 KiB, 200 instructions and 10 stages.",
    "RUN echo a\\u00a0b   # a no-break space, copied from a web page", "RUN echo a b";
DF002: Error firm, "No parser directives",
    "Delete the line: the Dockerfile is read with Docker's plain grammar.",
    "A directive such as `# syntax=` loads another program to read the file, and `# escape=` changes what its lines mean. We build exactly what we have read, so there is one grammar.",
    "# syntax=docker/dockerfile:1\nFROM python:3.11", "FROM python:3.11";
DF003: Error firm, "No here-documents",
    "Put the lines into a script, COPY it and RUN it; or join the commands with `&&` and `\\`.",
    "Engines disagree about where a here-document ends, so instructions could hide in one.",
    "RUN <<EOF\nmkdir /data\nEOF", "RUN mkdir /data && \\\n    chmod 755 /data";
DF004: Error firm, "Only known instructions and flags",
    "Use the instructions of the Dockerfile reference; of the flags, `COPY --from` and `COPY --chown` are supported.",
    "What we do not know we cannot check, so it does not pass.",
    "COPY --chmod=755 run.sh /app/", "COPY run.sh /app/\nRUN chmod 755 /app/run.sh";
DF005: Error firm, "A Dockerfile that can be read in one way only",
    "Correct the line; `docker build` shows the same kind of error.",
    "An instruction that cannot be parsed, or that versions of Docker read differently, is not built.",
    "CMD ['python3', 'main.py']", "CMD [\"python3\", \"main.py\"]";
DF010: Error firm, "FROM names a base image of the list, or an earlier stage",
    "Use one of the base images that the organizers list.",
    "Base images are fixed to a digest and kept on the server, so that a build needs no registry, cannot reach another team's images, and gives the same result tomorrow. Ask the organizers if you need another one.",
    "FROM ubuntu:latest", "FROM referee/python:3.11";
DF011: Error firm, "No variables in FROM",
    "Write the name of the base image out.",
    "A base image is looked up in a list before anything is built; a variable could name another one.",
    "ARG TAG=3.11\nFROM referee/python:${TAG}", "FROM referee/python:3.11";
DF012: Error firm, "No other platform than the server's",
    "Delete `--platform`.",
    "An image for another architecture would be built and then fail to run.",
    "FROM --platform=linux/arm64 referee/python:3.11", "FROM referee/python:3.11";
DF020: Error firm, "ADD is not allowed",
    "Use COPY: ADD can fetch URLs and unpack archives.",
    "The engine itself fetches what ADD names, outside all limits of the build and with its own network; archives are unpacked without a bound. Put the file into the repository, COPY it, and unpack it with RUN.",
    "ADD https://example.org/weights.tar.gz /app/", "COPY weights.tar.gz /app/\nRUN tar -xzf /app/weights.tar.gz -C /app";
DF021: Error firm, "COPY --from takes from an earlier stage",
    "Name a stage of this file that stands above the line.",
    "COPY --from can name any image that the engine knows, other teams' included.",
    "COPY --from=some/image:latest /app /app", "FROM referee/python:3.11 AS build\nRUN make\nFROM referee/python:3.11\nCOPY --from=build /out /app";
DF022: Error firm, "COPY takes files of this repository",
    "Give a path relative to the root of the repository, without `..`.",
    "Sources are looked up in the repository; absolute paths, `..` and URLs lead out of it.",
    "COPY ../shared/main.py /app/", "COPY shared/main.py /app/";
DF030: Error firm, "RUN has no flags",
    "Delete the flag. A build always starts without a cache, secrets or a network of its own.",
    "`--mount` shares files between builds of different teams; `--network` and `--security` would lift limits.",
    "RUN --mount=type=cache,target=/root/.cache pip install .", "RUN pip install --no-index --find-links wheels .";
DF031: Error firm, "No ONBUILD",
    "Write the instruction itself into the Dockerfile that needs it.",
    "ONBUILD stores instructions that run in later builds, where nobody has read them.",
    "ONBUILD COPY . /app", "COPY . /app";
DF032: Error firm, "No VOLUME",
    "Delete it: write results to the output directory and temporary files to /tmp.",
    "A volume is a writable disk without a limit, even in a read-only container.",
    "VOLUME /scratch", "ENV SCRATCH=/tmp";
DF033: Advice, "EXPOSE has no effect",
    "Delete it: containers run without a network.",
    "The instruction is left out of the build.";
DF034: Advice, "HEALTHCHECK has no effect",
    "Delete it: health checks are switched off.",
    "The instruction is left out of the build.";
DF035: Advice, "STOPSIGNAL and MAINTAINER have no effect",
    "Delete it; instead of MAINTAINER, use LABEL.",
    "The instruction is left out of the build: a container that must end is killed.";
DF040: Error, "The image says what to run",
    "End the last stage with `ENTRYPOINT [\"program\", \"argument\"]`, in double quotes.",
    "Containers are started without arguments. The list form starts your program itself, the string form starts a shell that swallows signals and needs `/bin/sh`. Only the last CMD and the last ENTRYPOINT count.",
    "ENTRYPOINT python3 main.py", "ENTRYPOINT [\"python3\", \"/app/main.py\"]";
DF041: Warning, "The container does not run as root",
    "Write `USER 65534` before the ENTRYPOINT, and try the container with `docker run --user 65534:65534`.",
    "Whatever the image says, the container runs as user and group 65534, without capabilities. Files must be readable for everyone, and nothing can be written but the output directory and /tmp.",
    "USER root", "USER 65534";
DF042: Error firm, "WORKDIR is an absolute path of the image's own",
    "Use a plain absolute path such as /app.",
    "Directories under /proc, /sys and /dev belong to the kernel and have been used to break out of containers; the input and output directories are mounted over when the container runs.",
    "WORKDIR /proc/self/fd/7", "WORKDIR /app";
DF050: Warning, "No secrets in the image",
    "Remove the value and replace the secret: it is in the history of the repository already.",
    "Everybody who gets the image or the repository can read values of ENV and ARG.",
    "ENV API_TOKEN=abc123", "ENV API_TOKEN_FILE=/tmp/token";
DF051: Error firm, "No ENV that steers the loader, the GPU runtime or a proxy",
    "Delete it. For a library path, write it to /etc/ld.so.conf.d/ and RUN ldconfig.",
    "Programs of the host read these variables while they set the container up: LD_PRELOAD in an image has opened GPU hosts. `NVIDIA_VISIBLE_DEVICES` and `NVIDIA_DRIVER_CAPABILITIES` are harmless and allowed. Names must be written out, so that they can be read here.",
    "ENV LD_LIBRARY_PATH=/app/lib", "RUN echo /app/lib > /etc/ld.so.conf.d/app.conf && ldconfig";
DF052: Error firm, "Labels of Referee are reserved",
    "Choose another name, such as `org.opencontainers.image.title`.",
    "Referee finds its own images and containers by labels that start with `referee.`.",
    "LABEL referee.submission=1", "LABEL org.opencontainers.image.title=\"my method\"";
DF060: Advice, "Versions of packages are pinned",
    "Write `name==version`, or a requirements file with versions.",
    "An image that is built again next month should be the same image.",
    "RUN pip install numpy", "RUN pip install numpy==1.26.4";
DF061: Warning, "useradd with a large user id needs --no-log-init",
    "Add `--no-log-init` (`-l`), or use a user id below 100000.",
    "useradd writes a sparse file as large as the id; in an image it takes that many bytes, and the build hits its limit.",
    "RUN useradd -u 1000000 me", "RUN useradd -l -u 1000000 me";
DF062: Advice, "Fetched scripts and sudo",
    "Put the script into the repository and COPY it; steps run as root already, so sudo is not needed.",
    "What `curl … | sh` runs today may be something else tomorrow, and a failing download goes unnoticed in a pipe.",
    "RUN curl https://example.org/install | sh", "COPY install.sh /tmp/\nRUN sh /tmp/install.sh";
DF063: Warning, "Builds have no network",
    "Put the packages into the repository (`pip download`, then `pip install --no-index --find-links wheels …`), or ask for a base image that has them.",
    "Steps of a build cannot reach the internet: it keeps builds repeatable, and the server safe.",
    "RUN pip install torch==2.3.0", "COPY wheels /wheels\nRUN pip install --no-index --find-links /wheels torch==2.3.0";
}
