import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useState } from 'react';
import { expect, test } from 'vitest';
import { DurationField } from './DurationField';

function Form({ first }: { first: number | null }) {
  const [seconds, setSeconds] = useState(first);
  return (
    <>
      <DurationField label="Older than" seconds={seconds} onChange={setSeconds} />
      <output>{String(seconds)}</output>
      <button type="button" onClick={() => setSeconds(172_800)}>
        Two days
      </button>
    </>
  );
}

test('What is typed stays in its unit, also where a larger one would do', async () => {
  render(<Form first={1800} />);
  const amount = screen.getByLabelText('Older than');
  expect(amount).toHaveValue(30);
  await userEvent.clear(amount);
  expect(screen.getByRole('status')).toHaveTextContent('null');
  await userEvent.type(amount, '600');
  expect(amount).toHaveValue(600);
  expect(screen.getByRole('status')).toHaveTextContent('36000');
  await userEvent.selectOptions(screen.getByLabelText('Older than: unit'), 'hours');
  expect(screen.getByRole('status')).toHaveTextContent('2160000');
});

test('A change from outside is shown in the largest unit that divides it', async () => {
  render(<Form first={null} />);
  await userEvent.click(screen.getByRole('button', { name: 'Two days' }));
  expect(screen.getByLabelText('Older than')).toHaveValue(2);
  expect(screen.getByLabelText('Older than: unit')).toHaveDisplayValue('days');
});

test('A time that is shorter than any that can be typed is shown as it is', () => {
  render(<Form first={0.0004} />);
  expect(screen.getByLabelText('Older than')).toHaveValue(0.0004);
});
