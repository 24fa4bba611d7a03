"""Coroutines made of generators, which take turns in a loop and do no I/O at all."""


def scheduler(tasks):
    while tasks:
        task = tasks.pop(0)
        try:
            next(task)
        except StopIteration:
            continue
        tasks.append(task)


def count(limit, found):
    for number in range(limit):
        found.append(number)
        yield


def mean():
    total = number = 0
    while True:
        value = yield total / number if number else 0
        total, number = total + value, number + 1


found = []
scheduler([count(50_000, found), count(30_000, found)])
average = mean()
next(average)
for number in found:
    last = average.send(number)
assert round(last) == 21_250, last
