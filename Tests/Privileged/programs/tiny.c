// As little as a program can do.
int main(void)
{
    return 0;
}
