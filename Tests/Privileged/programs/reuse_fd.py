"""Uses one fd number for two files and a socket, one after the other, and prints the number."""

import os
import socket
import sys

directory = sys.argv[1]
first = os.open(f"{directory}/a", os.O_WRONLY | os.O_CREAT)
for _ in range(5):
    os.write(first, b"xy")
os.close(first)
second = os.open(f"{directory}/b", os.O_WRONLY | os.O_CREAT)
for _ in range(5):
    os.write(second, b"wxyz")
os.close(second)
third = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
third.sendto(b"z" * 30, ("127.0.0.1", 9))
number = third.fileno()
# dup2 over a number that is open: the old file is closed by it.
fourth = os.open(f"{directory}/c", os.O_WRONLY | os.O_CREAT)
os.write(fourth, b"c" * 40)
other = os.open(f"{directory}/d", os.O_WRONLY | os.O_CREAT)
os.dup2(other, fourth)
os.write(fourth, b"d" * 50)
assert first == second == number
print(number, fourth)
