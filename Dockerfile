# The image of one of our programs: the program and the public certificate authorities, nothing else. The context is the
# repository's root, and PROGRAM one of the names below that begin with `image-`.
#   docker build --build-arg PROGRAM=user-service .                           compiles it here, for the platform that is built for
#   docker build --build-arg PROGRAM=user-service --build-arg PREBUILT=1 .    takes the program that `cargo xtask images` compiled
ARG PROGRAM
ARG PREBUILT=0

FROM docker.io/library/rust:1.95.0-trixie AS program-0
ARG PROGRAM
WORKDIR /source
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/source/target \
    programs=$(dev/release-build "$PROGRAM") && cp "$programs/$PROGRAM" /etc/ssl/certs/ca-certificates.crt /

FROM scratch AS program-1
ARG PROGRAM
COPY .build/images/prebuilt/${PROGRAM} .build/images/prebuilt/ca-certificates.crt /

FROM program-${PREBUILT} AS program

# An entry point takes no argument of the build, and each program keeps its own name in lists of processes.
FROM scratch AS image-user-service
EXPOSE 5000 5001
ENTRYPOINT ["/user-service"]

FROM scratch AS image-mail-service
EXPOSE 5002
ENTRYPOINT ["/mail-service"]

FROM scratch AS image-ping-operator
ENTRYPOINT ["/ping-operator"]

FROM scratch AS image-kubectl-ping
ENTRYPOINT ["/kubectl-ping"]

FROM scratch AS image-test-client
EXPOSE 8080
ENTRYPOINT ["/test-client"]

FROM image-${PROGRAM}
ARG PROGRAM
COPY --from=program /ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=program /${PROGRAM} /${PROGRAM}
USER 65532:65532
