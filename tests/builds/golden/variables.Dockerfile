FROM python:3.11
ENV SHELL=/bin/bash
ENV PLAIN="a"
ENV PATH="/opt/bin:$PATH"
ENV QUOTED="say \"hi\" \\ there"
ENV EMPTY=""
WORKDIR /code
COPY . /code
